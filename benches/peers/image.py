"""Voxel operations beside SimpleITK, SciPy, cc3d and edt: the same arrays, two threads on either side.

Both sides are timed within their own process, arrays in memory; ours is the example `duel`, which
`cargo build --release -p scarce-image --example duel` builds. Outputs are compared first. Each duel is a line of JSON: seconds
of either side, and the tolerance to which the outputs are equal, relative to the values (to their range after resampling).
"""
# requires: numpy==2.2.6 scipy==1.15.3 SimpleITK==2.5.7 connected-components-3d==4.1.1 edt==3.1.2
# builds: scarce-image/duel

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import cc3d
import edt
import numpy as np
import SimpleITK as sitk
from scipy import ndimage

SPACING = (0.8, 0.8, 1.5)
THREADS = 2
REPEATS = 5


def timed(job, times):
    measured = []
    for _ in range(times):
        start = time.perf_counter()
        result = job()
        measured.append(time.perf_counter() - start)
    return result, min(measured)


def ours(duel, folder, task, array):
    source, target = folder / "in.npy", folder / "out.npy"
    np.save(source, array)
    environment = dict(os.environ, RAYON_NUM_THREADS=str(THREADS))
    command = [duel, task, source, target, str(REPEATS)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout
    return np.load(target), min(map(float, printed.split()))


def resampler(volume, oblique, interpolator):
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(SPACING)
    angle = 0.2 if oblique else 0.0
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    filter = sitk.ResampleImageFilter()
    filter.SetOutputSpacing([1.5] * 3)
    filter.SetSize([round(n * s / 1.5) for n, s in zip(image.GetSize(), SPACING)])
    filter.SetOutputOrigin((turn @ [(1.5 - s) / 2 for s in SPACING]).tolist())
    filter.SetOutputDirection(turn.ravel().tolist())
    filter.SetDefaultPixelValue(-1024)
    filter.SetInterpolator(interpolator)
    return lambda: sitk.GetArrayFromImage(filter.Execute(image))


# What the outputs are compared with, and how closely.
CLOSE, NEAR, EQUAL = 1e-4, 1e-6, 0


def same(a, b, tolerance):
    if tolerance == CLOSE:
        # Where the edge of the field of view falls on a point, rounding decides; values go by their range.
        return np.mean(np.abs(a - b) > CLOSE * np.ptp(b)) < 1e-5
    return np.allclose(a, b, rtol=NEAR) if tolerance else np.array_equal(a, b)


def main(scarce):
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
    duel = pathlib.Path(scarce).parent / "examples" / "duel"
    if not duel.exists():
        sys.exit(f"{duel} is missing: cargo build --release -p scarce-image --example duel")
    random = np.random.default_rng(1)
    shape = (200, 512, 512)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    volume = 400 * np.sin(x / 40) * np.cos(y / 50) + 3 * z + random.normal(0, 20, shape)
    volume = volume.astype(np.float32)
    coarse = random.normal(0, 1, [n // 8 + 2 for n in shape])
    blobs = ndimage.zoom(coarse, 8, order=1)[: shape[0], : shape[1], : shape[2]]
    blobs += random.normal(0, 0.05, shape)
    mask = blobs > np.quantile(blobs, 0.69)
    faces, corners = (ndimage.generate_binary_structure(3, c) for c in (1, 3))
    zyx = SPACING[::-1]
    components = lambda: cc3d.connected_components(mask, connectivity=26)
    duels = [
        ("linear", "SimpleITK", volume, resampler(volume, False, sitk.sitkLinear), CLOSE, 3),
        ("cubic", "SimpleITK", volume, resampler(volume, False, sitk.sitkBSpline), CLOSE, 1),
        ("oblique-linear", "SimpleITK", volume, resampler(volume, True, sitk.sitkLinear), CLOSE, 3),
        ("oblique-cubic", "SimpleITK", volume, resampler(volume, True, sitk.sitkBSpline), CLOSE, 1),
        ("distance", "edt", mask, lambda: edt.edt(mask, anisotropy=zyx, parallel=THREADS), NEAR, 3),
        ("components", "cc3d", mask, components, EQUAL, 5),
        ("largest", "cc3d", mask, lambda: cc3d.largest_k(mask, k=1, connectivity=26) != 0, EQUAL, 3),
        ("erode", "SciPy", mask, lambda: ndimage.binary_erosion(mask, faces, iterations=2), EQUAL, 1),
        ("dilate", "SciPy", mask, lambda: ndimage.binary_dilation(mask, corners), EQUAL, 1),
        ("fill-holes", "SciPy", mask, lambda: ndimage.binary_fill_holes(mask), EQUAL, 1),
    ]
    chosen = sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        for task, peer, array, job, tolerance, times in duels:
            if chosen and task not in chosen:
                continue
            theirs, their_time = timed(job, times)
            mine, my_time = ours(duel, pathlib.Path(folder), task, array)
            assert mine.shape == theirs.shape, f"{task}: {mine.shape} {theirs.shape}"
            assert same(mine, theirs, tolerance), f"{task}: outputs differ, by {np.abs(mine * 1.0 - theirs).max()} at most"
            told = {"duel": f"{task}, 512x512x200", "scarce_s": my_time, "peers": {peer: their_time}, "equal_to": tolerance}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
