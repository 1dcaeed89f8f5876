"""Dice, HD95 and ASD of two masks: `scarce evaluate` beside SciPy's morphology and distance transform.

The peer follows medpy's convention: surfaces are what an erosion by the faces' neighbours takes away, HD95 is the
percentile of both directions together. Its time excludes starting Python and importing; ours is the whole process.
"""
# requires: numpy==2.2.6 scipy==1.15.3 nibabel==5.3.2

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import nibabel as nib
import numpy as np
from scipy import ndimage


def surface_distances(a, b, spacing):
    faces = ndimage.generate_binary_structure(3, 1)
    edge = lambda mask: mask ^ ndimage.binary_erosion(mask, faces, iterations=1)
    return ndimage.distance_transform_edt(~edge(b), sampling=spacing)[edge(a)]


def peer(prediction, reference):
    images = [nib.load(path) for path in (prediction, reference)]
    a, b = (np.asarray(image.dataobj) != 0 for image in images)
    spacing = images[0].header.get_zooms()
    forth, back = surface_distances(a, b, spacing), surface_distances(b, a, spacing)
    return {
        "dice": 2 * (a & b).sum() / (a.sum() + b.sum()),
        "hd95": np.percentile(np.hstack((forth, back)), 95),
        "asd": forth.mean(),
    }


def ours(scarce, prediction, reference):
    command = [scarce, "evaluate", "--pred", prediction, "--ref", reference, "--metrics", "dice,hd95,asd", "--json", "-"]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    figure = lambda found: found["value"] if isinstance(found, dict) else found
    return {name: figure(found) for name, found in report["cases"][0]["metrics"].items()}


def best_of(times, job):
    measured = []
    for _ in range(times):
        start = time.perf_counter()
        result = job()
        measured.append(time.perf_counter() - start)
    return result, min(measured)


def ellipsoid(shape, centre, radii):
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    return sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radii)) < 1


def main(scarce):
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(pathlib.Path(folder) / name) for name in ("prediction.nii.gz", "reference.nii.gz")]
        shape, affine = (256, 256, 128), np.diag([0.8, 0.8, 2.0, 1.0])
        for path, centre in zip(paths, [(120, 130, 60), (128, 128, 64)]):
            mask = ellipsoid(shape, centre, (60, 50, 30)).astype(np.uint8)
            nib.save(nib.Nifti1Image(mask, affine), path)
        theirs, their_time = best_of(3, lambda: peer(*paths))
        mine, my_time = best_of(3, lambda: ours(scarce, *paths))
        for name, value in theirs.items():
            assert abs(mine[name] - value) < 1e-5 * max(1, abs(value)), f"{name}: scarce {mine[name]}, peer {value}"
        print(f"metrics, 256x256x128: equal; scarce {my_time:.3f} s, SciPy {their_time:.3f} s, ratio {their_time / my_time:.1f}")


if __name__ == "__main__":
    main(sys.argv[1])
