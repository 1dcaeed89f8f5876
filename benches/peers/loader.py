"""Batches of crops from files: scarce's loader beside PyTorch's DataLoader, two workers on either side.

Each sample's file is read whole and decoded, the sample cropped at random, flipped and standardised; batches come out as tensors. What
is cropped where stands in a plan that both sides follow; the crops are compared first. On the Python side the workers persist,
and as on ours a pass over the files comes before the one that is timed; runs alternate, medians count.
"""
# requires: numpy==2.2.6 nibabel==5.4.2 pillow==13.0.0 safetensors==0.8.0 torch==2.11.0 torchvision==0.26.0
# builds: scarce-benches/loader_duel

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import nibabel as nib
import numpy as np
import torch
from PIL import Image

WORKERS = 2
BATCH = 4
SAMPLES = 64
FILES = 8
CT_ZYX, CT_CROP_ZYX = (96, 160, 160), (64, 64, 64)
X_RAY_ZYX, X_RAY_CROP_ZYX = (1, 1024, 1024), (1, 448, 448)
ROUNDS = 5
TOLERANCE = 1e-6


def ct(number):
    """Something like a CT: smooth bodies, noise in the lower bits, air outside."""
    z, y, x = np.ogrid[: CT_ZYX[0], : CT_ZYX[1], : CT_ZYX[2]]
    noise = np.random.default_rng(number).normal(0, 12, CT_ZYX)
    body = ((x - 80) / 70) ** 2 + ((y - 80) / 60) ** 2 < 1
    return np.where(body, 400 * np.sin(x / 40) * np.cos(y / 50) + 0.5 * z + noise, -1024).astype(np.int16)


def x_ray(number):
    """Something like an X-ray of 12 bits: smooth shadows, noise in the lower bits."""
    _, y, x = np.ogrid[: X_RAY_ZYX[0], : X_RAY_ZYX[1], : X_RAY_ZYX[2]]
    noise = np.random.default_rng(number).normal(0, 12, X_RAY_ZYX)
    return (2000 + 900 * np.sin(x / 170) * np.cos(y / 210) + 200 * np.sin(y / 25) + noise).astype(np.uint16)


def write(array, path):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".png":
        Image.fromarray(array[0]).save(path)
    else:
        # NIfTI's axes are x, y, z.
        nib.save(nib.Nifti1Image(array.T, np.eye(4)), path)


def read(path):
    if path.endswith(".npy"):
        return np.load(path)
    if path.endswith(".png"):
        return np.asarray(Image.open(path))[None]
    return np.asanyarray(nib.load(path).dataobj).T


class Crops(torch.utils.data.Dataset):
    def __init__(self, plan):
        self.plan = plan

    def __len__(self):
        return len(self.plan)

    def __getitem__(self, index):
        path, corner, size, flips = self.plan[index]
        crop = read(path)[tuple(slice(first, first + n) for first, n in zip(corner, size))]
        crop = np.flip(crop, [axis for axis in range(3) if flips[axis]]).astype(np.float32)
        mean, deviation = crop.mean(dtype=np.float64), crop.std(dtype=np.float64)
        image = (crop - np.float32(mean)) / np.float32(max(deviation, 1e-8))
        return torch.from_numpy(image[None])


def make_plan(paths, shape, size):
    random = np.random.default_rng(7)
    room = [whole - part + 1 for whole, part in zip(shape, size)]
    draw = lambda: (random.integers(room).tolist(), size, random.integers(2, size=3).tolist())
    return [(str(paths[k % len(paths)]), *draw()) for k in range(SAMPLES)]


def ours(example, plan, *folder):
    command = [example, plan, str(WORKERS), str(BATCH), *map(str, folder)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def one_pass(loader):
    start = time.perf_counter()
    samples = sum(len(batch) for batch in loader)
    assert samples == SAMPLES
    return time.perf_counter() - start


def duel(example, folder, suffix, make, shape, size):
    paths = [folder / f"{number}{suffix}" for number in range(FILES)]
    for number, path in enumerate(paths):
        write(make(number), path)
    plan = make_plan(paths, shape, size)
    written = folder / "plan.tsv"
    row = lambda path, corner, size, flips: "\t".join(map(str, [path, *corner, *size, *flips]))
    written.write_text("".join(row(*sample) + "\n" for sample in plan))
    by = lambda sizes: "x".join(str(n) for n in sizes if n > 1)
    name = f"{by(shape)} {make(0).dtype} {suffix} files read whole"
    loader = torch.utils.data.DataLoader(Crops(plan), BATCH, num_workers=WORKERS, persistent_workers=True)
    first = next(iter(loader))
    with tempfile.TemporaryDirectory() as crops:
        ours(example, written, crops)
        for number, theirs in enumerate(first):
            mine = np.load(pathlib.Path(crops) / f"{number}.npy")
            assert np.allclose(mine, theirs[0].numpy(), rtol=0, atol=TOLERANCE), f"{name}: crop {number} differs"
            # Before rounding: the voxels themselves, by their order.
            assert np.array_equal(np.unique(mine, return_inverse=True)[1], np.unique(theirs[0].numpy(), return_inverse=True)[1])
    one_pass(loader)
    mine, theirs = [], []
    for _ in range(ROUNDS):
        mine.append(float(ours(example, written)[0]))
        theirs.append(one_pass(loader))
    result = {
        "duel": f"{SAMPLES} crops of {by(size)} out of {name}, batches of {BATCH}, {WORKERS} workers",
        "scarce_s": round(statistics.median(mine), 4),
        "peers": {"PyTorch DataLoader": round(statistics.median(theirs), 4)},
        "equal_to": TOLERANCE,
    }
    print(json.dumps(result), flush=True)


def main(scarce):
    example = pathlib.Path(scarce).parent / "examples" / "loader_duel"
    if not example.exists():
        raise SystemExit("loader_duel is not built; `cargo xtask bench loader --peers` builds it")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for suffix, make, shape, size in [
            (".nii.gz", ct, CT_ZYX, CT_CROP_ZYX),
            (".npy", ct, CT_ZYX, CT_CROP_ZYX),
            (".png", x_ray, X_RAY_ZYX, X_RAY_CROP_ZYX),
        ]:
            duel(str(example), folder, suffix, make, shape, size)


if __name__ == "__main__":
    main(sys.argv[1])
