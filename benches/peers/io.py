"""Reading scans whole: scarce beside nibabel, SimpleITK and pydicom, checksums and slice checks on.

Both sides read the same files in one process and hold the voxels as 32-bit floats; starting and importing are left out on
the Python side, and amount to some milliseconds on ours. Voxels are compared first. Runs alternate, the best of each counts.
Each duel is a line of JSON: seconds of either side, and the tolerance to which the voxels are equal.
"""
# requires: numpy==2.2.6 nibabel==5.4.2 SimpleITK==2.5.3 pydicom==3.0.2
# builds: scarce-io/read_each

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import nibabel as nib
import numpy as np
import pydicom
import SimpleITK as sitk

READS = 4
ROUNDS = 7
sitk.ProcessObject.SetGlobalWarningDisplay(False)


def chest(shape):
    """Something like a CT: smooth bodies, noise in the lower bits, air outside."""
    x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
    noise = np.random.default_rng(1).normal(0, 12, shape)
    body = (((x - shape[0] / 2) / (0.45 * shape[0])) ** 2 + ((y - shape[1] / 2) / (0.35 * shape[1])) ** 2) < 1
    return np.where(body, 400 * np.sin(x / 40) * np.cos(y / 50) + 0.5 * z + noise, -1024).astype(np.int16)


def write_series(voxels, folder):
    folder.mkdir()
    for z in range(voxels.shape[2]):
        dataset = pydicom.Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = pydicom.uid.CTImageStorage, f"1.2.3.{z + 1}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.Modality = "1.2.3", "1.2", "CT"
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 1.5 * z], [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness, dataset.InstanceNumber = [0.8, 0.8], 1.5, z + 1
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = voxels.shape[1], voxels.shape[0], 1
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.PhotometricInterpretation, dataset.RescaleSlope, dataset.RescaleIntercept = "MONOCHROME2", 1, -24
        dataset.PixelData = np.ascontiguousarray(voxels[:, :, z].T).tobytes()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.save_as(folder / f"{z:04}.dcm", enforce_file_format=True)


def by_nibabel(path):
    return np.asarray(nib.load(path).dataobj, np.float32).T


def by_sitk(path):
    if pathlib.Path(path).is_dir():
        path = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))
    return sitk.Cast(sitk.ReadImage(path if isinstance(path, tuple) else str(path)), sitk.sitkFloat32)


def by_pydicom(path):
    slices = sorted((pydicom.dcmread(file) for file in pathlib.Path(path).iterdir()), key=lambda d: float(d.ImagePositionPatient[2]))
    return np.stack([d.pixel_array * np.float32(d.RescaleSlope) + np.float32(d.RescaleIntercept) for d in slices])


def seconds(job):
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def duel(read_each, name, path, peers):
    command = [read_each]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, folder], input=f"{path}\n", text=True, stdout=subprocess.DEVNULL, check=True)
        mine = np.load(pathlib.Path(folder) / "0.npy")
    for peer, read in peers.items():
        theirs = read(path)
        theirs = sitk.GetArrayFromImage(theirs) if isinstance(theirs, sitk.Image) else theirs
        assert np.array_equal(mine, theirs), f"{name}: {peer} reads other voxels"
    best = {peer: float("inf") for peer in ["scarce", *peers]}
    for _ in range(ROUNDS):
        ours = seconds(lambda: subprocess.run(command, input=f"{path}\n" * READS, text=True, stdout=subprocess.DEVNULL, check=True))
        best["scarce"] = min(best["scarce"], ours / READS)
        for peer, read in peers.items():
            best[peer] = min(best[peer], seconds(lambda: read(path)))
    ours = best.pop("scarce")
    print(json.dumps({"duel": name, "scarce_s": ours, "peers": best, "equal_to": 0}), flush=True)


def main(scarce):
    read_each = str(pathlib.Path(scarce).parent / "examples" / "read_each")
    if not pathlib.Path(read_each).exists():
        raise SystemExit("read_each is not built; `cargo xtask bench io --peers` builds it")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        voxels = chest((512, 512, 200))
        affine = np.diag([-0.8, -0.8, 1.5, 1])
        for name in ("volume.nii.gz", "volume.nii"):
            nib.save(nib.Nifti1Image(voxels, affine), folder / name)
        duel(read_each, "nii.gz load, 512x512x200 int16", folder / "volume.nii.gz", {"SimpleITK": by_sitk, "nibabel": by_nibabel})
        duel(read_each, "nii load, 512x512x200 int16", folder / "volume.nii", {"SimpleITK": by_sitk, "nibabel": by_nibabel})
        write_series(voxels, folder / "series")
        duel(read_each, "DICOM series load, 200 slices of 512x512 int16", folder / "series", {"SimpleITK": by_sitk, "pydicom": by_pydicom})


if __name__ == "__main__":
    main(sys.argv[1])
