"""Batches of crops from files: scarce's loader beside PyTorch's DataLoader, two workers on either side.

Each sample is read whole from its file, cropped at random, flipped and standardised; batches come out as tensors. What is
cropped where stands in a plan that both sides follow; the crops are compared first. On the Python side the workers persist,
and as on ours a pass over the files comes before the one that is timed; runs alternate, medians count.
"""
# requires: numpy==2.2.6 nibabel==5.4.2 safetensors==0.8.0 torch==2.11.0 torchvision==0.26.0
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

WORKERS = 2
BATCH = 4
SAMPLES = 64
FILES = 8
SIDE = 64
SHAPE_ZYX = (96, 160, 160)
ROUNDS = 5
TOLERANCE = 1e-6


def chest(number):
    """Something like a CT: smooth bodies, noise in the lower bits, air outside."""
    z, y, x = np.ogrid[: SHAPE_ZYX[0], : SHAPE_ZYX[1], : SHAPE_ZYX[2]]
    noise = np.random.default_rng(number).normal(0, 12, SHAPE_ZYX)
    body = ((x - 80) / 70) ** 2 + ((y - 80) / 60) ** 2 < 1
    return np.where(body, 400 * np.sin(x / 40) * np.cos(y / 50) + 0.5 * z + noise, -1024).astype(np.int16)


class Crops(torch.utils.data.Dataset):
    def __init__(self, plan):
        self.plan = plan

    def __len__(self):
        return len(self.plan)

    def __getitem__(self, index):
        path, corner, flips = self.plan[index]
        if path.endswith(".npy"):
            voxels = np.load(path)
        else:
            # NIfTI's axes are x, y, z.
            voxels = np.asanyarray(nib.load(path).dataobj).T
        crop = voxels[tuple(slice(first, first + SIDE) for first in corner)]
        crop = np.flip(crop, [axis for axis in range(3) if flips[axis]]).astype(np.float32)
        mean, deviation = crop.mean(dtype=np.float64), crop.std(dtype=np.float64)
        image = (crop - np.float32(mean)) / np.float32(max(deviation, 1e-8))
        return torch.from_numpy(image[None])


def make_plan(paths):
    random = np.random.default_rng(7)
    room = [size - SIDE + 1 for size in SHAPE_ZYX]
    draw = lambda: (random.integers(room).tolist(), random.integers(2, size=3).tolist())
    return [(str(paths[k % len(paths)]), *draw()) for k in range(SAMPLES)]


def ours(example, plan, *folder):
    command = [example, plan, str(WORKERS), str(BATCH), *map(str, folder)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def one_pass(loader):
    start = time.perf_counter()
    samples = sum(len(batch) for batch in loader)
    assert samples == SAMPLES
    return time.perf_counter() - start


def duel(example, folder, name, paths):
    plan = make_plan(paths)
    written = folder / "plan.tsv"
    row = lambda path, corner, flips: "\t".join(map(str, [path, *corner, SIDE, *flips]))
    written.write_text("".join(row(*sample) + "\n" for sample in plan))
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
        "duel": f"{SAMPLES} crops of {SIDE}^3 out of {name}, batches of {BATCH}, {WORKERS} workers",
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
        for suffix in (".nii.gz", ".npy"):
            paths = [folder / f"{number}{suffix}" for number in range(FILES)]
            for number, path in enumerate(paths):
                if suffix == ".npy":
                    np.save(path, chest(number))
                else:
                    nib.save(nib.Nifti1Image(chest(number).T, np.eye(4)), path)
            size = "x".join(map(str, SHAPE_ZYX))
            duel(str(example), folder, f"{size} int16 {suffix}", paths)


if __name__ == "__main__":
    main(sys.argv[1])
