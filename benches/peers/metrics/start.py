"""From the command line to the first figures: `scarce evaluate` beside Python scripts that import, read, and compute.

Dice, HD95 and ASD of two label maps on disk, the whole process on both sides, in turns; the median counts. The scripts are what
users write with medpy and with MONAI; their files and compiled modules are in the system's cache before anything is timed.
"""
# requires: numpy==2.2.6 scipy==1.15.3 nibabel==5.4.2 MedPy==0.5.2 surface-distance==0.1 monai==1.6.1 torch==2.11.0

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import nibabel as nib
import numpy as np

SHAPE = (256, 256, 128)
TURNS = 5
METRICS = "dice,hd95,asd"
ENVIRONMENT = dict(os.environ, RAYON_NUM_THREADS="2", OMP_NUM_THREADS="2")

READ = """
import json, sys
import nibabel as nib
import numpy as np
images = [nib.load(path) for path in sys.argv[1:]]
spacing = tuple(map(float, images[0].header.get_zooms()))
p, r = (np.asarray(image.dataobj) != 0 for image in images)
"""
MEDPY = READ + """
from medpy.metric.binary import asd, dc, hd95
print(json.dumps({"dice": dc(p, r), "hd95": hd95(p, r, spacing), "asd": asd(p, r, spacing)}))
"""
MONAI = READ + """
import torch
from monai.metrics import compute_average_surface_distance, compute_dice, compute_hausdorff_distance
p, r = (torch.from_numpy(mask)[None, None] for mask in (p, r))
options = {"spacing": spacing, "include_background": True}
print(json.dumps({
    "dice": float(compute_dice(p, r)),
    "hd95": float(compute_hausdorff_distance(p, r, percentile=95, **options)),
    "asd": float(compute_average_surface_distance(p, r, **options)),
}))
"""
# Of each peer: its script, the convention it follows, and how near to it ours must come. MONAI's are in single precision.
PEERS = {"medpy": (MEDPY, "pooled", 1e-9), "MONAI": (MONAI, "max-directed", 2e-6)}


def printed(command):
    start = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    return json.loads(done.stdout), time.perf_counter() - start


def ours(scarce, paths, convention):
    command = [scarce, "evaluate", "--pred", paths[0], "--ref", paths[1], "--metrics", METRICS, "--convention", convention, "--json", "-"]
    report, seconds = printed(command)
    return report["cases"][0]["metrics"], seconds


def ellipsoid(centre, radii):
    axes = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    return sum(((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radii)) < 1


def main(scarce):
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(pathlib.Path(folder) / name) for name in ("prediction.nii.gz", "reference.nii.gz")]
        for path, centre in zip(paths, [(120, 130, 60), (128, 128, 64)]):
            mask = ellipsoid(centre, (60, 50, 30)).astype(np.uint8)
            nib.save(nib.Nifti1Image(mask, np.diag([0.75, 0.75, 2.0, 1.0])), path)
        for name, (script, convention, tolerance) in PEERS.items():
            command = [sys.executable, "-c", script, *paths]
            mine, _ = ours(scarce, paths, convention)
            theirs, _ = printed(command)
            for figure, value in theirs.items():
                assert abs(mine[figure] - value) <= tolerance * max(1, abs(value)), f"{name}, {figure}: {value}, scarce {mine[figure]}"
            times = {"scarce": [], name: []}
            for _ in range(TURNS):
                times["scarce"] += [ours(scarce, paths, convention)[1] for _ in range(3)]
                times[name].append(printed(command)[1])
            seconds = {side: statistics.median(measured) for side, measured in times.items()}
            size = "x".join(map(str, SHAPE))
            told = {
                "duel": f"start to Dice, HD95 and ASD, {convention}, {size} .nii.gz",
                "scarce_s": seconds.pop("scarce"),
                "peers": seconds,
                "equal_to": tolerance,
            }
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
