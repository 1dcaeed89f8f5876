"""Every file of the packages, read by scarce and by the Python reference, voxel by voxel.

    volumes.py READ_EACH CORPUS REPORT.json

READ_EACH is the built example of scarce-io, CORPUS a folder with one folder a package. References: nibabel for NIfTI,
pydicom for DICOM objects, SimpleITK for DICOM series, MetaImage and NRRD. A file counts as equal when the voxels are (to
the rounding of float32) and the affine is to a hundredth of a millimetre at the far corner; a file that scarce refuses is
listed with its reason, beside whether the reference reads it.
"""
# requires: numpy==2.2.6 nibabel==5.4.2 pydicom==3.0.2 pylibjpeg==2.1.0 pylibjpeg-libjpeg==2.4.0 pylibjpeg-openjpeg==2.5.0 pylibjpeg-rle==2.2.0 SimpleITK==2.5.3 pynrrd==1.1.3

import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import nibabel as nib
import nrrd
import numpy as np
import pydicom
import SimpleITK as sitk

warnings.filterwarnings("ignore")
sitk.ProcessObject.SetGlobalWarningDisplay(False)
# Baseline and extended JPEG: the standard lets decoders differ, more so where chroma is upsampled.
LOSSY_JPEG, LOSSY_STEPS = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"), 5
LPS = np.diag([-1.0, -1.0, 1.0])
NIFTI = (".nii", ".nii.gz", ".hdr", ".img")
ITK = (".mha", ".mhd", ".nrrd", ".nhdr")


def is_dicom(path):
    with open(path, "rb") as file:
        start = file.read(132)
    return start[128:132] == b"DICM" or start[:4] == b"\x02\0\0\0" and start[4:6] == b"UL"


def kind_of(path):
    name = path.name.lower()
    if name.startswith("._"):
        return None
    if name.endswith(NIFTI):
        return "nifti"
    if name.endswith(ITK):
        return "itk"
    if name.endswith((".py", ".txt", ".csv", ".json", ".md", ".gz", ".zip", ".xml")):
        return None
    return "dicom" if is_dicom(path) else None


def from_nifti(path):
    image = nib.load(path)
    data = np.asarray(image.dataobj)
    if data.dtype.names or np.iscomplexobj(data) or data.dtype == np.longdouble:
        raise ValueError(f"{data.dtype} is no number of ours")
    unit = {"meter": 1000.0, "micron": 1e-3}.get(image.header.get_xyzt_units()[0], 1.0) if hasattr(image.header, "get_xyzt_units") else 1.0
    data = data.reshape(data.shape[:3] + (1,) * (3 - data.ndim) + (-1,), order="F")
    affine = image.affine[:3] * unit
    return [np.transpose(data[..., k]) for k in range(data.shape[3])], affine


def from_itk(path):
    image = sitk.ReadImage(str(path))
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise ValueError("several values a voxel")
    frames = sitk.GetArrayFromImage(image)
    dimension = image.GetDimension()
    frames = frames[None] if dimension == 3 else frames[None, None] if dimension == 2 else frames
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)
    matrix, origin = np.eye(3), np.zeros(3)
    n = min(dimension, 3)
    matrix[:n, :n] = direction[:n, :n] * image.GetSpacing()[:n]
    origin[:n] = image.GetOrigin()[:n]
    return list(frames), np.column_stack([LPS @ matrix, LPS @ origin])


def rescaled(found, dataset):
    """(slope, intercept) of a frame: its own functional group's, the shared one's, the object's."""
    for group in found:
        if group is not None and "PixelValueTransformationSequence" in group:
            own = group.PixelValueTransformationSequence[0]
            return float(own.RescaleSlope), float(own.RescaleIntercept)
    slope = getattr(dataset, "RescaleSlope", None) or getattr(dataset, "DoseGridScaling", None) or 1
    return float(slope), float(getattr(dataset, "RescaleIntercept", None) or 0)


def from_dicom(path):
    """Frames of one object as (frame, y, x) or (frame, channel, y, x), in the order of the file, and their positions."""
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        raise ValueError("a palette")
    colours = dataset.SamplesPerPixel > 1
    n_frames = int(getattr(dataset, "NumberOfFrames", 1) or 1)
    pixels = pixels[None] if n_frames == 1 and pixels.ndim == 2 + colours else pixels
    pixels = np.asarray(pixels, np.float64)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = (-1 if dataset.PixelRepresentation else 2**dataset.BitsStored - 1) - pixels
    shared = getattr(dataset, "SharedFunctionalGroupsSequence", [None])[0]
    per_frame = getattr(dataset, "PerFrameFunctionalGroupsSequence", [None] * n_frames)
    for k in range(n_frames):
        slope, intercept = rescaled((per_frame[k], shared), dataset)
        pixels[k] = pixels[k] * slope + intercept
    heights = []
    for k in range(n_frames):
        groups = [g for g in (per_frame[k], shared) if g is not None]
        position = next((g.PlanePositionSequence[0].ImagePositionPatient for g in groups if "PlanePositionSequence" in g), None)
        orientation = next((g.PlaneOrientationSequence[0].ImageOrientationPatient for g in groups if "PlaneOrientationSequence" in g), None)
        orientation = orientation or getattr(dataset, "ImageOrientationPatient", None)
        if position is not None and orientation is not None:
            row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
            heights.append(float(np.dot(np.cross(row, column), np.array(position, float))))
    order = np.argsort(heights, kind="stable") if len(heights) == n_frames and n_frames > 1 else np.arange(n_frames)
    stacked = len(heights) == n_frames and n_frames > 1
    if "GridFrameOffsetVector" in dataset and n_frames > 1:
        stacked, order = True, np.argsort([float(v) for v in dataset.GridFrameOffsetVector], kind="stable")
    return pixels[order], colours, stacked, dataset


def segmentation(dataset, frames):
    """The label map of a binary segmentation, slices in order of position."""
    labels = {}
    frames = frames if len(frames) > 1 else frames.reshape((1,) + frames.shape[-2:])
    for k, item in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        position = item.PlanePositionSequence[0].ImagePositionPatient
        orientation = (item if "PlaneOrientationSequence" in item else shared).PlaneOrientationSequence[0].ImageOrientationPatient
        normal = np.cross(np.array(orientation[:3], float), np.array(orientation[3:], float))
        height = round(float(np.dot(normal, np.array(position, float))), 3)
        number = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        level = labels.setdefault(height, np.zeros(frames[k].shape))
        level[frames[k] != 0] = number
    return np.stack([labels[height] for height in sorted(labels)])


def far_corner_mm(a, b, shape_zyx):
    corner = np.array([shape_zyx[2] - 1, shape_zyx[1] - 1, shape_zyx[0] - 1, 1.0])
    a, b = np.asarray(a), np.asarray(b)
    return max(np.abs(a @ corner - b @ corner).max(), np.abs(a[:, 3] - b[:, 3]).max())


def ask(read_each, jobs, folder):
    lines = "".join(f"{path}\n" if frame is None else f"{path}\t{frame}\n" for path, frame in jobs)
    done = subprocess.run([read_each, folder], input=lines, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(answers) != len(jobs):
        raise SystemExit(f"scarce stopped after {len(answers)} of {len(jobs)}, exit {done.returncode}:\n{done.stderr[-2000:]}")
    return answers


def same(ours, theirs, steps=0):
    theirs = np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape:
        return f"shape {ours.shape}, reference {theirs.shape}"
    off = np.abs(ours - theirs) > 1e-6 * np.maximum(np.abs(theirs), 1e-30)
    off &= (ours != theirs.astype(np.float32)) & (np.abs(ours - theirs) > steps)
    return f"{off.sum()} of {off.size} voxels differ by up to {np.abs(ours - theirs).max():g}" if off.any() else None


def compare(path, kind, read_each, folder):
    """(verdict, detail): equal, refused, differs, or neither reads it."""
    steps = 0
    try:
        if kind == "dicom":
            frames, colours, stacked, dataset = from_dicom(path)
            affine, steps = None, LOSSY_STEPS if dataset.file_meta.TransferSyntaxUID in LOSSY_JPEG else 0
            if getattr(dataset, "SOPClassUID", "") == "1.2.840.10008.5.1.4.1.1.66.4" and "PerFrameFunctionalGroupsSequence" in dataset:
                frames, stacked, colours = segmentation(dataset, frames), True, False
            if colours:
                volumes = [np.moveaxis(frame, -1, 0) for frame in frames]
            else:
                volumes = [frames] if stacked else [frame[None] for frame in frames]
        else:
            volumes, affine = from_nifti(path) if kind == "nifti" else from_itk(path)
        reference = None
    except Exception as error:  # whatever the reference raises is its refusal
        volumes, affine, reference = [None], None, f"{type(error).__name__}: {error}"
    jobs = [(path, k if len(volumes) > 1 else None) for k in range(len(volumes))]
    answers = ask(read_each, jobs, folder)
    refused = next((answer for answer in answers if "code" in answer), None)
    if refused:
        verdict = "both-refuse" if reference else "refused"
        return verdict, f"{refused['code']}: {refused['error'].replace(str(path), '').rstrip(': ')}" + (f" (reference: {reference})" if reference else "")
    if reference:
        return "only-scarce", reference
    for k, (volume, answer) in enumerate(zip(volumes, answers)):
        fault = same(np.load(pathlib.Path(folder) / f"{k}.npy"), volume, steps)
        if fault:
            return "differs", f"volume {k}: {fault}"
        if affine is not None and far_corner_mm(affine, answer["affine"], answer["shape_zyx"]) > 0.01:
            return "differs", f"affine {answer['affine']}, reference {np.asarray(affine).tolist()}"
    return "equal", ""


def series(folder_path, read_each, folder):
    """A folder of DICOM files as SimpleITK's series reader sees it."""
    try:
        if len(sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder_path))) != 1:
            return None
        image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder_path)))
    except RuntimeError:  # a folder of single objects
        return None
    answer = ask(read_each, [(folder_path, None)], folder)[0]
    if "code" in answer:
        return "refused", f"{answer['code']}: {answer['error'].replace(str(folder_path), '')}"
    fault = same(np.load(pathlib.Path(folder) / "0.npy"), sitk.GetArrayFromImage(image))
    matrix = LPS @ (np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing())
    affine = np.column_stack([matrix, LPS @ np.array(image.GetOrigin())])
    off = far_corner_mm(affine, answer["affine"], answer["shape_zyx"])
    # SimpleITK lets slices follow the normal of the first one's rounded orientation, not the positions.
    if not fault and off > max(0.05, 0.01 * max(image.GetSpacing())):
        fault = f"affine {off:.3f} mm off at the far corner"
    return ("differs", fault) if fault else ("equal", "")


def main(read_each, corpus, report):
    corpus = pathlib.Path(corpus)
    table, listed = collections.defaultdict(collections.Counter), []
    with tempfile.TemporaryDirectory() as folder:
        for package in sorted(p for p in corpus.iterdir() if p.is_dir()):
            for path in sorted(package.rglob("*")):
                found = None
                if path.is_dir():
                    if sum(1 for p in path.iterdir() if p.is_file() and kind_of(p) == "dicom") >= 3:
                        found = series(path, read_each, folder)
                    kind = "dicom-series"
                elif path.is_file() and path.stat().st_size > 0:
                    kind = kind_of(path)
                    if kind:
                        found = compare(path, kind, read_each, folder)
                if found:
                    verdict, detail = found
                    table[f"{package.name} {kind}"][verdict] += 1
                    if verdict != "equal":
                        # The references name files by where this machine keeps them.
                        reason = detail.replace(f"{corpus}/", "")
                        listed.append({"file": str(path.relative_to(corpus)), "verdict": verdict, "reason": reason})
    verdicts = ["equal", "refused", "both-refuse", "only-scarce", "differs"]
    width = max(map(len, table), default=10)
    print(" " * width, *(f"{v:>12}" for v in verdicts))
    for name, counts in sorted(table.items()):
        print(f"{name:<{width}}", *(f"{counts[v]:>12}" for v in verdicts))
    pathlib.Path(report).write_text(json.dumps({"counts": table, "not_equal": listed}, indent=1) + "\n")
    for entry in listed:
        if entry["verdict"] == "differs":
            print("DIFFERS", entry["file"], entry["reason"])
    return 1 if any(counts["differs"] for counts in table.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
