"""Masks for a batch of 128 beside the loop that MWM's training runs, written here from the method's description.

The peer brings regions to the patch grid by PyTorch's nearest interpolation and then treats image by image: it counts, permutes
the cells of the region and the others, and keeps `int(n * (1 - ratio))` of each. NumPy draws the same for the whole batch at once,
by sorting noise. Generators differ, so what is compared is what the rule fixes: the cells hidden in the region and in the rest,
image by image, of every batch. All sides have the regions in memory and two threads; they take turns, medians count. Ours is the
example `mask_duel`. The loop knows the top-left pixel's rule only; the last duel has it beside our default, for which any pixel of
a patch counts, so counts can't be equal there and are held against NumPy's.
"""
# requires: numpy==2.2.6 torch==2.11.0
# builds: scarce-mask/mask_duel

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = 2
os.environ["OMP_NUM_THREADS"] = str(THREADS)

import numpy as np
import torch
import torch.nn.functional as functional

torch.set_num_threads(THREADS)

BATCH, SIDE = 128, 224
PRESETS = [(0.8, 0.4), (0.7, 0.3), (0.6, 0.2)]
TURNS = 9
REPEATS = 20


def regions():
    """Boxes of the sizes tumours have: some between the pixels that the grid looks at, one empty, one full."""
    random = np.random.default_rng(1)
    batch = np.zeros((BATCH, SIDE, SIDE), bool)
    for image in batch[2:]:
        (y, x), (h, w) = random.integers(0, 190, 2), random.integers(4, 90, 2)
        image[y : y + h, x : x + w] = True
    batch[1] = True
    return batch


def loop(roi, grid, high, low):
    """(B, 1, H, W) of 0 and 1 to (B, 1, grid, grid), true = visible."""
    small = functional.interpolate(roi, size=(grid, grid), mode="nearest") > 0
    visible = torch.zeros(len(roi), grid * grid, dtype=torch.bool)
    for image, inside in enumerate(small.flatten(1)):
        for cells, ratio in ((inside.nonzero().flatten(), high), ((~inside).nonzero().flatten(), low)):
            keep = int(cells.numel() * (1 - ratio))
            if keep > 0:
                visible[image, cells[torch.randperm(cells.numel())[:keep]]] = True
    return visible.view(-1, 1, grid, grid)


def whole_batch(roi, grid, high, low, random):
    """The same, by the ranks of noise within the region and the rest."""
    step = SIDE // grid
    inside = roi[:, ::step, ::step].reshape(len(roi), -1)
    sizes = inside.sum(1)
    kept = (sizes * (1 - high)).astype(int), ((grid * grid - sizes) * (1 - low)).astype(int)
    # The region's noise is below 1, the rest's above: in order, the region comes first.
    order = np.argsort(random.random(inside.shape) + ~inside, axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(grid * grid)[None], axis=1)
    visible = np.where(inside, rank < kept[0][:, None], rank - sizes[:, None] < kept[1][:, None])
    return visible.reshape(-1, grid, grid)


def counts(hidden, inside):
    return (hidden & inside).sum((1, 2)), (hidden & ~inside).sum((1, 2))


def nearest(n, ratio):
    twentieths = round(ratio * 20)
    return (2 * n * twentieths + 20) // 40


class Scarce:
    def __init__(self, program, folder, batch):
        self.program, self.hidden = program, folder / "hidden.npy"
        self.regions = folder / "regions.npy"
        np.save(self.regions, batch)

    def run(self, rule, grid, high, low):
        command = [self.program, rule, str(high), str(low), str(grid), self.regions, self.hidden, str(REPEATS)]
        environment = dict(os.environ, RAYON_NUM_THREADS=str(THREADS))
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout
        return np.load(self.hidden), statistics.median(map(float, printed.split()))


def timed(job):
    measured = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        job()
        measured.append(time.perf_counter() - start)
    return statistics.median(measured)


def check(batch, torch_batch, scarce, rule, grid, random):
    step = SIDE // grid
    top_left = batch[:, ::step, ::step]
    inside = top_left if rule == "paper" else batch.reshape(BATCH, grid, step, grid, step).any((2, 4))
    sizes = inside.sum((1, 2))
    for high, low in PRESETS:
        mine = counts(scarce.run(rule, grid, high, low)[0], inside)
        if rule == "paper":
            others = {"the loop": ~loop(torch_batch, grid, high, low)[:, 0].numpy()}
            others["NumPy"] = ~whole_batch(batch, grid, high, low, random)
            theirs = {name: counts(hidden, inside) for name, hidden in others.items()}
        else:
            theirs = {"the rule": (nearest(sizes, high), nearest(grid * grid - sizes, low))}
        for name, expected in theirs.items():
            for part, a, b in zip(("region", "rest"), mine, expected):
                assert np.array_equal(a, b), f"{rule}, {grid}, {high}/{low}: {part} hidden, {name} {b}, scarce {a}"


def main(scarce):
    duel = pathlib.Path(scarce).parent / "examples" / "mask_duel"
    if not duel.exists():
        sys.exit(f"{duel} is missing: cargo build --release -p scarce-mask --example mask_duel")
    batch = regions()
    torch_batch = torch.from_numpy(batch[:, None].astype(np.float32))
    random = np.random.default_rng(2)
    high, low = PRESETS[0]
    with tempfile.TemporaryDirectory() as folder:
        ours = Scarce(duel, pathlib.Path(folder), batch)
        for rule, grid in [("paper", 7), ("paper", 14), ("default", 7)]:
            check(batch, torch_batch, ours, rule, grid, random)
            times = {"scarce": [], "loop in PyTorch": [], "batch in NumPy": []}
            for _ in range(TURNS):
                times["scarce"].append(ours.run(rule, grid, high, low)[1])
                times["loop in PyTorch"].append(timed(lambda: loop(torch_batch, grid, high, low)))
                times["batch in NumPy"].append(timed(lambda: whole_batch(batch, grid, high, low, random)))
            seconds = {side: statistics.median(measured) for side, measured in times.items()}
            shown = "top-left, truncated" if rule == "paper" else "any overlap, nearest"
            told = {
                "duel": f"masks of 128 regions of 224x224, {grid}x{grid}, {shown}",
                "scarce_s": seconds.pop("scarce"),
                "peers": seconds,
                "equal_to": 0,
            }
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
