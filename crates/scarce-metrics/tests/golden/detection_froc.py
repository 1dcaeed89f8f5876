"""Writes detection_froc.json beside itself: sensitivities at LUNA16's rates, its way, with scikit-learn's ROC curve.

pip install numpy==2.2.6 scikit-learn==1.6.1; python detection_froc.py
"""

import json
import pathlib

import numpy as np
from sklearn.metrics import roc_curve

RATES = [0.125, 0.25, 0.5, 1, 2, 4, 8]


def sensitivities(scans, hits):
    found, scores, lesions = [], [], 0
    for scan in scans:
        spare = set(range(len(scan["candidates"])))
        for lesion in scan["lesions"]:
            on_it = [k for k, candidate in enumerate(scan["candidates"]) if hits(lesion, candidate)]
            spare -= set(on_it)
            if lesion["ignored"]:
                continue
            lesions += 1
            if on_it:
                found.append(1)
                scores.append(max(scan["candidates"][k]["score"] for k in on_it))
        found += [0] * len(spare)
        scores += [scan["candidates"][k]["score"] for k in spare]
    fpr, tpr, _ = roc_curve(found, scores, pos_label=1)
    negatives, positives = found.count(0), found.count(1)
    return np.interp(RATES, fpr * negatives / len(scans), tpr * positives / lesions).tolist()


def within_radius(lesion, candidate):
    return np.linalg.norm(np.subtract(lesion["centre"], candidate["position"])) < lesion["radius"]


def within_4_mm(lesion, candidate):
    return np.linalg.norm(np.subtract(lesion["centre"], candidate["position"])) < 4


def overlap(lesion, candidate):
    low = np.maximum(lesion["low"], candidate["low"])
    shared = np.prod(np.maximum(np.minimum(lesion["high"], candidate["high"]) - low, 0))
    sizes = [np.prod(np.subtract(one["high"], one["low"])) for one in (lesion, candidate)]
    return shared / (sum(sizes) - shared) >= 0.2


def data(random, dimensions):
    for _ in range(8):
        lesions, candidates = [], []
        for _ in range(random.integers(0, 4)):
            centre, radius = random.uniform(0, 60, dimensions).round(1), round(random.uniform(3, 9), 1)
            lesions.append({
                "centre": centre.tolist(), "radius": radius, "ignored": bool(random.random() < 0.2),
                "low": (centre - radius).tolist(), "high": (centre + radius).tolist(),
            })
        for _ in range(random.integers(3, 15)):
            position, radius = random.uniform(0, 60, dimensions), random.uniform(3, 9)
            if lesions and random.random() < 0.6:
                lesion = lesions[random.integers(len(lesions))]
                position = np.add(lesion["centre"], random.normal(0, 2, dimensions))
                radius = lesion["radius"] * random.uniform(0.7, 1.3)
            position = position.round(1)
            candidates.append({
                "position": position.tolist(), "score": round(random.uniform(), 1),
                "low": (position - radius).tolist(), "high": (position + radius).tolist(),
            })
        yield {"lesions": lesions, "candidates": candidates}


if __name__ == "__main__":
    cases = []
    for seed, rule in enumerate((within_radius, within_4_mm, overlap)):
        scans = list(data(np.random.default_rng(seed), 3))
        cases.append({"rule": rule.__name__, "scans": scans, "sensitivities": sensitivities(scans, rule)})
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
