"""Classification and reconstruction figures beside scikit-learn and scikit-image: the same arrays, in memory.

Values are compared first. Either side is timed within its own process, in turns; the medians stand in one line of
JSON a duel. The peers work on one thread, and so does ours where nothing else is said. Ours is the example
`classification_duel`, which `cargo build --release -p scarce-metrics --example classification_duel` builds.
"""
# requires: numpy==2.2.6 scipy==1.15.3 scikit-learn==1.7.2 scikit-image==0.25.2
# builds: scarce-metrics/classification_duel

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn import metrics
from sklearn.calibration import calibration_curve

CASES = 100_000
CLASSES = 5
BINS = 15
TURNS = 3
WANG = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)


def agreement(y, h):
    return [
        metrics.accuracy_score(y, h),
        metrics.balanced_accuracy_score(y, h),
        metrics.f1_score(y, h, average="macro"),
        metrics.f1_score(y, h, average="weighted"),
        metrics.cohen_kappa_score(y, h),
        metrics.cohen_kappa_score(y, h, weights="quadratic"),
        metrics.matthews_corrcoef(y, h),
    ]


def calibration_error(y, p):
    confidence, correct = p.max(1), p.argmax(1) == y
    share, mean = calibration_curve(correct, confidence, n_bins=BINS)
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence)
    counts = np.bincount(bins, minlength=BINS)
    return np.sum(counts[counts > 0] * np.abs(share - mean)) / len(y)


def arrays(random):
    positive = random.random(CASES) < 0.2
    # Rounded, so that some tie.
    scores = np.round(random.normal(size=CASES) + 1.2 * positive, 4)
    reference = random.choice(CLASSES, CASES, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    logits = random.normal(size=(CASES, CLASSES))
    logits[np.arange(CASES), reference] += 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    image = np.sin(np.add.outer(np.arange(1024) / 40, np.arange(1024) / 31))
    volume = np.sin(np.add.outer(np.add.outer(np.arange(128) / 9, np.arange(128) / 13), np.arange(128) / 17))
    return {
        "positive": positive,
        "scores": scores,
        "reference": reference,
        "predicted": probabilities.argmax(1),
        "probabilities": probabilities,
        "image-a": image,
        "image-b": image + random.normal(0, 0.1, image.shape),
        "volume-a": volume,
        "volume-b": volume + random.normal(0, 0.1, volume.shape),
    }


def duels(a):
    image, volume = (a["image-a"], a["image-b"]), (a["volume-a"], a["volume-b"])
    y, p = a["reference"], a["probabilities"]
    learn, skimage = "scikit-learn", "scikit-image"
    return [
        ("roc-auc", f"ROC-AUC, {CASES} scores", 1, learn, 1e-12, lambda: metrics.roc_auc_score(a["positive"], a["scores"])),
        (
            "average-precision",
            f"average precision, {CASES} scores",
            1,
            learn,
            1e-12,
            lambda: metrics.average_precision_score(a["positive"], a["scores"]),
        ),
        (
            "agreement",
            f"seven figures of agreement, {CASES} cases, {CLASSES} classes",
            1,
            learn,
            1e-12,
            lambda: agreement(y, a["predicted"]),
        ),
        ("brier", f"Brier score, {CASES} cases, {CLASSES} classes", 1, learn, 1e-12, lambda: metrics.brier_score_loss(y, p)),
        (
            "calibration",
            f"calibration error, {CASES} cases, {CLASSES} classes",
            1,
            learn,
            1e-12,
            lambda: calibration_error(y, p),
        ),
        ("psnr-volume", "PSNR, 128x128x128", 1, skimage, 1e-9, lambda: peak_signal_noise_ratio(*volume, data_range=2)),
        ("ssim-image", "SSIM, Gaussian, 1024x1024", 1, skimage, 1e-9, lambda: structural_similarity(*image, data_range=2, **WANG)),
        (
            "ssim-volume",
            "SSIM, Gaussian, 128x128x128",
            1,
            skimage,
            1e-9,
            lambda: structural_similarity(*volume, data_range=2, **WANG),
        ),
        (
            "ssim-volume",
            "SSIM, Gaussian, 128x128x128, two threads",
            2,
            skimage,
            1e-9,
            lambda: structural_similarity(*volume, data_range=2, **WANG),
        ),
        (
            "ssim-volume-uniform",
            "SSIM, uniform, 128x128x128",
            1,
            skimage,
            1e-9,
            lambda: structural_similarity(*volume, data_range=2),
        ),
    ]


def ours(program, task, folder, repeats, threads):
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    command = [program, task, folder, str(repeats)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout
    answer = json.loads(printed)
    return answer["values"], answer["seconds"]


def timed(job, repeats):
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = job()
        seconds.append(time.perf_counter() - start)
    return np.atleast_1d(result), seconds


def main(scarce):
    program = pathlib.Path(scarce).parent / "examples" / "classification_duel"
    if not program.exists():
        sys.exit(f"{program} is missing: cargo build --release -p scarce-metrics --example classification_duel")
    with tempfile.TemporaryDirectory() as folder:
        data = arrays(np.random.default_rng(1))
        for name, array in data.items():
            np.save(pathlib.Path(folder) / f"{name}.npy", array)
        for task, title, threads, peer, tolerance, job in duels(data):
            mine, theirs = [], []
            repeats = 3 if task.startswith("ssim") else 7
            for _ in range(TURNS):
                expected, seconds = timed(job, repeats)
                theirs += seconds
                values, seconds = ours(program, task, folder, repeats, threads)
                mine += seconds
                assert len(values) == len(expected), f"{title}: {len(values)} values, {peer} {len(expected)}"
                for value, other in zip(values, expected):
                    assert abs(value - other) <= tolerance * max(1, abs(other)), f"{title}: scarce {value}, {peer} {other}"
            line = {
                "duel": title,
                "scarce_s": round(statistics.median(mine), 6),
                "peers": {peer: round(statistics.median(theirs), 6)},
                "equal_to": tolerance,
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
