"""Surface metrics of one pair of masks: medpy, MONAI and surface-distance beside scarce, each under its own convention.

The pair is as large as a left atrium of the 2018 challenge, made here, so no data is needed. Both sides have the arrays in memory and two
threads; ours is the example `metrics_duel`, which answers a line a question. Figures are compared before anything is timed, then all
take turns and the median of each counts.
"""
# requires: numpy==2.2.6 scipy==1.15.3 nibabel==5.4.2 MedPy==0.5.2 surface-distance==0.1 monai==1.6.1 torch==2.11.0
# builds: scarce-metrics/metrics_duel

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

THREADS = 2
os.environ["OMP_NUM_THREADS"] = str(THREADS)
warnings.filterwarnings("ignore")

import monai.metrics as monai
import numpy as np
import surface_distance
import torch
from medpy.metric import binary as medpy
from scipy import ndimage

torch.set_num_threads(THREADS)

SHAPE = (88, 288, 288)
SPACING = (0.625, 0.625, 0.625)
TOLERANCE = 1.0
FIGURES = ["hd", "hd95", "asd", "assd", "masd", "nsd_1mm"]
TURNS = 7


def atrium():
    """A body with four veins, and its copy moved and deformed."""
    random = np.random.default_rng(1)
    z, y, x = np.indices(SHAPE, dtype=np.float32)

    def smooth(step):
        coarse = random.normal(0, 1, [n // step + 3 for n in SHAPE])
        return ndimage.zoom(coarse, step, order=1)[: SHAPE[0], : SHAPE[1], : SHAPE[2]]

    def body(dz, dy, dx):
        square = ((z - 44 - dz) / 24) ** 2 + ((y - 144 - dy) / 62) ** 2 + ((x - 144 - dx) / 31) ** 2
        for sy, sx in [(-1, -1), (-1, 1), (1, -1), (1, 1)]:
            vein = ((z - 44 - dz - 4 * sy) / 8) ** 2 + ((y - 144 - dy - 45 * sy) / 12) ** 2 + ((x - 144 - dx - 26 * sx) / 20) ** 2
            square = np.minimum(square, vein)
        return square

    reference = body(0, 0, 0) + 0.12 * smooth(12) < 1
    prediction = body(1, -1.5, 1) + 0.12 * smooth(12) < 1
    return prediction, reference


class Scarce:
    def __init__(self, program, folder, prediction, reference):
        paths = {"prediction": folder / "prediction.npy", "reference": folder / "reference.npy"}
        np.save(paths["prediction"], prediction)
        np.save(paths["reference"], reference)
        self.question = {name: str(path) for name, path in paths.items()} | {"spacing_mm_zyx": SPACING}
        environment = dict(os.environ, RAYON_NUM_THREADS=str(THREADS))
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, convention, metrics):
        question = self.question | {"convention": convention, "metrics": metrics}
        print(json.dumps(question), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("metrics_duel ended without an answer")
        return json.loads(answer)


def by_medpy(p, r):
    return {
        "hd95": medpy.hd95(p, r, SPACING),
        "asd": medpy.asd(p, r, SPACING),
        "assd": medpy.assd(p, r, SPACING),
    }


def batch(mask):
    return torch.from_numpy(mask)[None, None]


def by_monai_hd95(p, r):
    return {"hd95": monai.compute_hausdorff_distance(batch(p), batch(r), percentile=95, spacing=SPACING, include_background=True)}


def by_monai(p, r):
    options = {"spacing": SPACING, "include_background": True}
    p, r = batch(p), batch(r)
    return {
        "hd": monai.compute_hausdorff_distance(p, r, **options),
        "hd95": monai.compute_hausdorff_distance(p, r, percentile=95, **options),
        "asd": monai.compute_average_surface_distance(p, r, **options),
        "assd": monai.compute_average_surface_distance(p, r, symmetric=True, **options),
        "nsd_1mm": monai.compute_surface_dice(p, r, [TOLERANCE], **options),
    }


def by_surface_distance(p, r):
    distances = surface_distance.compute_surface_distances(r, p, SPACING)
    back, forth = surface_distance.compute_average_surface_distance(distances)
    weights = [distances[name].sum() for name in ("surfel_areas_gt", "surfel_areas_pred")]
    return {
        "hd": surface_distance.compute_robust_hausdorff(distances, 100),
        "hd95": surface_distance.compute_robust_hausdorff(distances, 95),
        "asd": forth,
        "assd": np.average([back, forth], weights=weights),
        "masd": (back + forth) / 2,
        "nsd_1mm": surface_distance.compute_surface_dice_at_tolerance(distances, TOLERANCE),
    }


def by_numpy(p, r):
    return {"dice": 2 * np.count_nonzero(p & r) / (np.count_nonzero(p) + np.count_nonzero(r))}


def dice_by_medpy(p, r):
    return {"dice": medpy.dc(p, r)}


def dice_by_monai(p, r):
    return {"dice": monai.compute_dice(batch(p), batch(r))}


# Of each duel: the convention, our figures, the peers and how near to each ours must come. MONAI's are in single precision.
DUELS = [
    ("pooled", FIGURES, {"medpy hd95+asd+assd": by_medpy}, 1e-9),
    ("max-directed", FIGURES, {"MONAI hd95": by_monai_hd95, "MONAI hd+hd95+asd+assd+nsd": by_monai}, 2e-6),
    ("area", FIGURES, {"surface-distance all": by_surface_distance}, 1e-9),
    ("pooled", ["dice"], {"numpy count_nonzero": by_numpy, "medpy dc": dice_by_medpy}, 1e-9),
    ("pooled", ["dice"], {"MONAI compute_dice": dice_by_monai}, 2e-6),
]


def timed(job, *arguments):
    start = time.perf_counter()
    job(*arguments)
    return time.perf_counter() - start


def duel(scarce, masks, convention, metrics, peers, tolerance):
    mine = scarce.ask(convention, metrics)["figures"]
    for name, job in peers.items():
        for figure, value in job(*masks).items():
            value = float(value)
            assert abs(mine[figure] - value) <= tolerance * max(1, abs(value)), f"{name}, {figure}: {value}, scarce {mine[figure]}"
    times = {name: [] for name in ["scarce", *peers]}
    for _ in range(TURNS):
        times["scarce"] += [scarce.ask(convention, metrics)["seconds"] for _ in range(3)]
        for name, job in peers.items():
            times[name].append(timed(job, *masks))
    seconds = {name: statistics.median(measured) for name, measured in times.items()}
    what = "Dice" if metrics == ["dice"] else f"surface metrics, {convention}"
    size = "x".join(map(str, SHAPE))
    told = {"duel": f"{what}, {size}", "scarce_s": seconds.pop("scarce"), "peers": seconds, "equal_to": tolerance}
    if "dice" not in metrics:
        told["note"] = f"ours: {', '.join(metrics)} together"
    print(json.dumps(told), flush=True)


def main(scarce):
    program = pathlib.Path(scarce).parent / "examples" / "metrics_duel"
    if not program.exists():
        sys.exit(f"{program} is missing: cargo build --release -p scarce-metrics --example metrics_duel")
    masks = atrium()
    with tempfile.TemporaryDirectory() as folder:
        side = Scarce(program, pathlib.Path(folder), *masks)
        for convention, metrics, peers, tolerance in DUELS:
            duel(side, masks, convention, metrics, peers, tolerance)
        side.process.stdin.close()
        side.process.wait()


if __name__ == "__main__":
    main(sys.argv[1])
