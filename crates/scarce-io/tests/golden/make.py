"""Makes the small files beside this script with the formats' own libraries, and what a reader must find in them.

    pip install numpy==2.4.6 nibabel==5.4.2 SimpleITK==2.5.7 pynrrd==1.1.3 pydicom==3.0.2 h5py==3.16.0 \
        tifffile==2026.3.3 imagecodecs==2026.3.6
    python make.py
"""

import json
import pathlib

import h5py
import imagecodecs
import nibabel as nib
import nrrd
import numpy as np
import pydicom
import SimpleITK as sitk
import tifffile

HERE = pathlib.Path(__file__).parent
SHAPE = (5, 4, 3)  # x, y, z
LPS = np.diag([-1.0, -1.0, 1.0])


def values(dtype):
    x, y, z = np.indices(SHAPE)
    return (100 * z + 10 * y + x - 50).astype(dtype)


def oblique():
    a, b = 0.2, -0.4
    tilt = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = tilt @ turn @ np.diag([-0.7, 0.8, 2.5])
    affine[:3, 3] = [16, -18.5, -34]
    return affine


def itk(array):
    """The same voxels at the same place for SimpleITK, whose world is LPS."""
    image = sitk.GetImageFromArray(np.transpose(array))
    matrix = LPS @ oblique()[:3, :3]
    spacing = np.linalg.norm(matrix, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((matrix / spacing).ravel().tolist())
    image.SetOrigin((LPS @ oblique()[:3, 3]).tolist())
    return image


expected = {}


def expect(name, array, affine, options=None):
    expected[name] = {
        "voxels_zyx": np.transpose(array).astype(float).ravel().tolist(),
        "shape_zyx": list(array.shape[::-1]),
        "affine": affine[:3].tolist(),
        **(options or {}),
    }


def main():
    signed, real = values(np.int16), values(np.float32) / 4
    identity = np.eye(4)
    for name, image in {
        "nifti2.nii.gz": nib.Nifti2Image(real, oblique()),
        "nifti1.nii": nib.Nifti1Image(signed, oblique()),
        "pair.hdr": nib.Nifti1Pair(signed, oblique()),
    }.items():
        nib.save(image, HERE / name)
        expect(name, image.get_fdata(), image.affine)
    big = nib.Nifti2Header(endianness=">")
    image = nib.Nifti2Image(signed, oblique(), header=big)
    image.header.set_slope_inter(0.5, -3)
    image.to_filename(HERE / "nifti2-big-endian.nii")
    loaded = nib.load(HERE / "nifti2-big-endian.nii")
    assert loaded.header.endianness == ">"
    expect("nifti2-big-endian.nii", loaded.get_fdata(), loaded.affine)
    series = np.stack([signed, signed + 1000, signed * 2], axis=3)
    nib.save(nib.Nifti1Image(series, oblique()), HERE / "series.nii.gz")
    expect("series.nii.gz", series[..., 1], oblique(), {"frame": 1})

    for name, array, compress in [("attached.mha", signed, True), ("detached.mhd", real, False)]:
        sitk.WriteImage(itk(array), str(HERE / name), useCompression=compress)
        expect(name, array, oblique())
    sitk.WriteImage(itk(real), str(HERE / "oblique.nrrd"), useCompression=True)
    expect("oblique.nrrd", real, oblique())
    header = {"space": "right-anterior-superior", "space directions": oblique()[:3, :3].T, "space origin": oblique()[:3, 3], "encoding": "gzip"}
    nrrd.write(str(HERE / "detached.nhdr"), signed, header, detached_header=True)
    expect("detached.nhdr", signed, oblique())

    zyx = np.ascontiguousarray(np.transpose(real))
    np.save(HERE / "c-order.npy", zyx)
    np.save(HERE / "fortran-order.npy", np.asfortranarray(zyx.astype(">f8")))
    np.savez_compressed(HERE / "arrays.npz", image=zyx, label=(zyx > 0).astype(np.uint8))
    for name in ("c-order.npy", "fortran-order.npy", "arrays.npz"):
        expect(name, real, identity)
    with h5py.File(HERE / "volume.h5", "w") as file:
        file.create_dataset("image", data=real, chunks=(2, 2, 2), compression="gzip", compression_opts=4)
        file.create_dataset("label", data=(real > 0).astype(np.uint8), chunks=(5, 4, 1), compression="gzip")
    expect("volume.h5", real, np.diag([0.625, 0.625, 0.625, 1]), {"spacing_mm_xyz": [0.625] * 3})

    dataset = pydicom.Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = pydicom.uid.MRImageStorage, "1.2.3.4.1"
    dataset.SeriesInstanceUID, dataset.Modality = "1.2.3.4", "MR"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [7, -8, 9], [0, 1, 0, 0, 0, -1]
    dataset.PixelSpacing, dataset.SliceThickness = [0.5, 0.75], 2
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 5, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 1
    dataset.PhotometricInterpretation, dataset.RescaleSlope, dataset.RescaleIntercept = "MONOCHROME2", 2, -7
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    stored = np.ascontiguousarray(np.transpose(signed)[0])
    dataset.PixelData = stored.tobytes()
    # Columns run along y of LPS, rows along -z, slices along their cross product, -x; x and y turn in RAS.
    placed = np.array([[0, 0, 2, -7], [-0.75, 0, 0, 8], [0, -0.5, 0, 9], [0, 0, 0, 1]], float)
    dataset.save_as(HERE / "native.dcm", enforce_file_format=True)
    # The next slice of the series.
    dataset.ImagePositionPatient, dataset.SOPInstanceUID = [5, -8, 9], "1.2.3.4.2"
    dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    dataset.save_as(HERE / "rle.dcm", enforce_file_format=True)
    for name in ("native.dcm", "rle.dcm"):
        expect(name, np.transpose(stored[None].astype(float) * 2 - 7), placed)
        placed = placed + np.outer([1, 0, 0, 0], [0, 0, 0, 2])

    # Alone at the first slice's place, compressed in other ways.
    dataset.ImagePositionPatient = [7, -8, 9]
    placed = np.array([[0, 0, 2, -7], [-0.75, 0, 0, 8], [0, -0.5, 0, 9], [0, 0, 0, 1]], float)
    for name, syntax in [("deflated.dcm", "1.2.840.10008.1.2.1.99"), ("jpeg2000.dcm", "1.2.840.10008.1.2.4.90"), ("jpeg-lossless.dcm", "1.2.840.10008.1.2.4.57"), ("jpeg-ls.dcm", "1.2.840.10008.1.2.4.80")]:
        dataset.SeriesInstanceUID = f"1.2.3.5.{syntax[-2:]}"
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.PixelData, dataset["PixelData"].VR = stored.tobytes(), "OW"
        dataset["PixelData"].is_undefined_length = False
        if name == "deflated.dcm":
            dataset.file_meta.TransferSyntaxUID = syntax
        else:
            # The codecs know unsigned numbers of 12 bits only.
            bits = stored.view(np.uint16) & 0xFFF
            if name == "jpeg2000.dcm":
                stream = imagecodecs.jpeg2k_encode(bits, codecformat="j2k", reversible=True, resolutions=1, bitspersample=12)
            elif name == "jpeg-ls.dcm":
                stream = imagecodecs.jpegls_encode(bits)
            else:
                stream = imagecodecs.ljpeg_encode(bits, bitspersample=12)
            dataset.PixelData = pydicom.encaps.encapsulate([stream])
            dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
            dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(HERE / name, enforce_file_format=True)
        expect(name, np.transpose(stored[None].astype(float) * 2 - 7), placed)

    slice_yx = np.transpose(signed)[0].astype(np.uint16) + 1000
    tifffile.imwrite(HERE / "grey16.tif", slice_yx)
    expect("grey16.tif", np.transpose(slice_yx[None]), identity)
    tifffile.imwrite(HERE / "pages.tif", np.stack([slice_yx, slice_yx]))
    for compression in ("lzw", "deflate", "packbits"):
        tifffile.imwrite(HERE / f"{compression}.tif", slice_yx.astype(np.uint8), compression=compression)
        expect(f"{compression}.tif", np.transpose(slice_yx.astype(np.uint8)[None]), identity)
    tifffile.imwrite(HERE / "float-colours.tif", np.stack([slice_yx / 1000] * 3, axis=2).astype(np.float32))
    # For the table of capabilities: numbers 0 to 59 of every type, and chunks filtered in every way.
    counted = np.arange(60).reshape(SHAPE)
    with h5py.File(HERE / "types.h5", "w") as file:
        for kind in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"):
            file.create_dataset(kind, data=counted.astype(kind))
        file.create_dataset("none", data=counted, chunks=(5, 4, 1))
        file.create_dataset("gzip", data=counted, chunks=(5, 4, 1), compression="gzip")
        file.create_dataset("shuffle", data=counted, chunks=(5, 4, 1), compression="gzip", shuffle=True)
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
