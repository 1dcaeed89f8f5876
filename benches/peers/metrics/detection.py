"""COCO figures of 55,000 detections: ours beside pycocotools and faster-coco-eval, two threads for whoever uses them.

One data set is made for all: ten categories, crowds, polygons in several parts, objects of all sizes, detections near and far,
tied scores. The twelve figures are compared first. Every side starts from the same files in turn; loading and evaluating
are timed apart, within each side's own process. Ours is the example `detection_duel`, which
`cargo build --release -p scarce-metrics --example detection_duel` builds.
"""
# requires: numpy==2.2.6 pycocotools==2.0.11 faster-coco-eval==1.8.0
# builds: scarce-metrics/detection_duel

import contextlib
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import faster_coco_eval
import numpy as np
from pycocotools import mask as mask_api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

THREADS = 2
ROUNDS = 5
IMAGES = 2000
DETECTIONS = 55_000
TOLERANCE = 1e-12
FIGURES = "ap ap50 ap75 ap_small ap_medium ap_large ar_1 ar_10 ar_100 ar_small ar_medium ar_large".split()


def outline(random, centre, radius):
    """A star-shaped polygon, `x, y, x, y, ...`."""
    corners = random.integers(8, 40)
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    reach = radius * (1 + 0.2 * np.sin(3 * angle + random.uniform(0, 6))) * random.uniform(0.85, 1.1, corners)
    points = np.stack([centre[0] + reach * np.cos(angle), centre[1] + 0.7 * reach * np.sin(angle)], 1)
    return np.round(points, 2)


def tight(parts):
    points = np.concatenate(parts)
    low, high = points.min(0), points.max(0)
    return [round(float(v), 2) for v in (*low, *(high - low))]


def runs(parts, height, width):
    encoded = mask_api.merge(mask_api.frPyObjects([part.ravel().tolist() for part in parts], height, width))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def plain(encoded):
    """A compressed mask with its counts as numbers."""
    pixels = mask_api.decode(encoded).ravel(order="F")
    change = np.flatnonzero(np.diff(np.concatenate([[0], pixels]))).tolist()
    ends = [0, *change, pixels.size]
    return {"size": encoded["size"], "counts": [b - a for a, b in zip(ends, ends[1:])]}


def data_set(random):
    categories = [{"id": 3 * k + 1, "name": f"kind {k}"} for k in range(10)]
    images, annotations, found = [], [], []
    for image_id in range(1, IMAGES + 1):
        width, height = (int(n) for n in random.integers(400, 800, 2))
        images.append({"id": image_id, "width": width, "height": height, "file_name": f"{image_id:06}.png"})
        objects = []
        for _ in range(random.poisson(2.5)):
            centre, radius = random.uniform(0, 1, 2) * (width, height), np.exp(random.uniform(1.6, 5))
            parts = [outline(random, centre, radius)]
            if random.random() < 0.15:
                parts.append(outline(random, centre + (1.5 * radius, 0), radius / 2))
            category_id = categories[random.integers(10)]["id"]
            objects.append((centre, radius, category_id))
            crowd = random.random() < 0.04
            encoded = runs(parts, height, width)
            annotations.append({
                "id": len(annotations) + 1, "image_id": image_id, "category_id": category_id, "iscrowd": int(crowd),
                "segmentation": plain(encoded) if crowd else [part.ravel().tolist() for part in parts],
                "area": float(mask_api.area(encoded)), "bbox": tight(parts),
            })
        for _ in range(DETECTIONS // IMAGES + (image_id <= DETECTIONS % IMAGES)):
            if objects and random.random() < 0.4:
                centre, radius, category_id = objects[random.integers(len(objects))]
                blur = random.exponential(0.15)
                centre, radius = centre + random.normal(0, blur * radius, 2), radius * np.exp(random.normal(0, blur))
                score = random.uniform(0.2, 1) * np.exp(-blur)
            else:
                centre, radius = random.uniform(0, 1, 2) * (width, height), np.exp(random.uniform(1.6, 5))
                category_id, score = categories[random.integers(10)]["id"], random.beta(1, 4)
            part = outline(random, centre, radius)
            place = {"image_id": image_id, "category_id": category_id, "score": round(float(score), 4)}
            found.append((place, tight([part]), runs([part], height, width)))
    truth = {"images": images, "annotations": annotations, "categories": categories}
    boxes = [{**place, "bbox": bbox} for place, bbox, _ in found]
    # Without boxes: pycocotools would take a detection's area from them.
    masks = [{**place, "segmentation": mask} for place, _, mask in found]
    return truth, boxes, masks


def clock(job):
    start = time.perf_counter()
    result = job()
    return result, time.perf_counter() - start


def peer(coco, evaluator, truth, results, kind):
    """Figures, seconds to load, seconds to evaluate."""

    def load():
        ground = coco(str(truth))
        return ground, ground.loadRes(str(results))

    def evaluate():
        run = evaluator(*loaded, kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
        return [float(value) for value in run.stats[:12]]

    with contextlib.redirect_stdout(io.StringIO()):
        loaded, load_s = clock(load)
        figures, evaluate_s = clock(evaluate)
    return figures, load_s, evaluate_s


def ours(duel, truth, results, kind):
    overlap = {"bbox": "boxes", "segm": "masks"}[kind]
    environment = dict(os.environ, RAYON_NUM_THREADS=str(THREADS))
    printed = subprocess.run([duel, truth, results, overlap], check=True, stdout=subprocess.PIPE, env=environment).stdout
    told = json.loads(printed)
    return [told["figures"][name] for name in FIGURES], told["load_s"], told["evaluate_s"]


def main(scarce):
    duel = pathlib.Path(scarce).parent / "examples" / "detection_duel"
    if not duel.exists():
        sys.exit(f"{duel} is missing: cargo build --release -p scarce-metrics --example detection_duel")
    with tempfile.TemporaryDirectory() as folder:
        names = ["truth.json", "boxes.json", "masks.json"]
        truth, *results = paths = [pathlib.Path(folder) / name for name in names]
        for path, content in zip(paths, data_set(np.random.default_rng(1))):
            path.write_text(json.dumps(content))
        for what, kind, found in (("boxes", "bbox", results[0]), ("masks", "segm", results[1])):
            sides = {
                "scarce": lambda: ours(duel, truth, found, kind),
                "pycocotools": lambda: peer(COCO, COCOeval, truth, found, kind),
                "faster-coco-eval": lambda: peer(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster, truth, found, kind),
            }
            runs = {name: [] for name in sides}
            for _ in range(ROUNDS):
                for name, side in sides.items():
                    runs[name].append(side())
            expected = runs["pycocotools"][0][0]
            for name, rounds in runs.items():
                apart = max(abs(a - b) for figures, *_ in rounds for a, b in zip(figures, expected))
                assert apart <= TOLERANCE, f"{what}: {name} and pycocotools are {apart} apart"
            for job, at in ((f"COCO {what}, {IMAGES} images, {DETECTIONS} detections", 2), (f"COCO JSON of {what}, {DETECTIONS} detections", 1)):
                seconds = {name: statistics.median(run[at] for run in rounds) for name, rounds in runs.items()}
                line = {"duel": job, "scarce_s": seconds.pop("scarce"), "peers": seconds, "equal_to": TOLERANCE}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
