"""Writes detection_coco.json and detection_rle.json beside itself, all expected values by pycocotools.

pip install numpy==2.2.6 pycocotools==2.0.11; python detection.py
"""

import contextlib
import copy
import io
import json
import pathlib

import numpy as np
from pycocotools import mask as mask_api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = pathlib.Path(__file__).parent
HEIGHT, WIDTH = 160, 220


def counts_of(pixels):
    """Lengths of the runs down the columns, background first."""
    flat = np.asarray(pixels).ravel(order="F").astype(int)
    change = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    ends = [0, *change, flat.size]
    return [b - a for a, b in zip(ends, ends[1:])]


def evaluate(truth, detections, kind, **settings):
    """Each figure from the arrays themselves: `summarize` knows no other limits than 1, 10 and 100."""
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = copy.deepcopy(truth)
        ground.createIndex()
        run = COCOeval(ground, ground.loadRes(copy.deepcopy(detections)), kind)
        for name, value in settings.items():
            setattr(run.params, name, value)
        run.evaluate()
        run.accumulate()
    precision, recall = run.eval["precision"], run.eval["recall"]
    thresholds = np.asarray(run.params.iouThrs)

    def mean(values):
        values = values[values > -1]
        return float(values.mean()) if values.size else None

    figures = {"ap": mean(precision[:, :, :, 0, -1])}
    for name, threshold in (("ap50", 0.5), ("ap75", 0.75)):
        figures[name] = mean(precision[thresholds == threshold][:, :, :, 0, -1])
    for m, limit in enumerate(run.params.maxDets):
        figures[f"ar_{limit}"] = mean(recall[:, :, 0, m])
    for a, area in list(enumerate(run.params.areaRngLbl))[1:]:
        figures[f"ap_{area}"] = mean(precision[:, :, :, a, -1])
        figures[f"ar_{area}"] = mean(recall[:, :, a, -1])
    if settings == {} or set(settings) <= {"useCats"}:
        with contextlib.redirect_stdout(io.StringIO()):
            run.summarize()
        order = "ap ap50 ap75 ap_small ap_medium ap_large ar_1 ar_10 ar_100 ar_small ar_medium ar_large"
        assert [figures[name] for name in order.split()] == [v if v > -1 else None for v in run.stats]
    per_category = [mean(precision[:, :, k, 0, -1]) for k in range(precision.shape[2])]
    curves = [
        {"threshold": t, "category": k, "range": a, "precision": precision[t, :, k, a, -1].tolist()}
        for t, k, a in ((0, 0, 0), (1, 0, 2))
        if precision[t, 0, k, a, -1] > -1
    ]
    return {"figures": figures, "per_category_ap": per_category, "curves": curves}


def outline(random, centre, radius):
    corners = random.integers(5, 14)
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    reach = radius * random.uniform(0.7, 1.1, corners)
    points = np.stack([centre[0] + reach * np.cos(angle), centre[1] + 0.8 * reach * np.sin(angle)], 1)
    return np.round(points, 1).ravel().tolist()


def runs(parts):
    encoded = mask_api.merge(mask_api.frPyObjects(parts, HEIGHT, WIDTH))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def tight(parts):
    points = np.concatenate([np.reshape(part, (-1, 2)) for part in parts])
    low, high = points.min(0), points.max(0)
    return [round(float(v), 1) for v in (*low, *(high - low))]


def data_set(seed, images=6, objects=3, found=9):
    """Gaps between ids, images in no order, crowds, tied scores, an object without area, a category without objects."""
    random = np.random.default_rng(seed)
    category_ids = [11, 2, 5, 7]
    categories = [{"id": k, "name": f"kind {k}"} for k in category_ids]
    image_ids = random.permutation(40)[:images].tolist()
    truth = {
        "images": [{"id": i, "width": WIDTH, "height": HEIGHT, "file_name": f"{i}.png"} for i in image_ids],
        "annotations": [],
        "categories": categories,
    }
    detections = []
    for place, image_id in enumerate(image_ids):
        here = []
        for _ in range(objects if place else 0):
            centre = random.uniform(0, 1, 2) * (WIDTH, HEIGHT)
            radius = np.exp(random.uniform(1.8, 5))
            parts = [outline(random, centre, radius)]
            if random.random() < 0.3:
                parts.append(outline(random, centre + (radius, 0), radius / 2))
            here.append((centre, parts, int(random.choice(category_ids[:3]))))
            crowd = random.random() < 0.15
            encoded = runs(parts)
            plain = {"size": [HEIGHT, WIDTH], "counts": counts_of(mask_api.decode(encoded))}
            truth["annotations"].append({
                "id": 3 * len(truth["annotations"]) + 5, "image_id": image_id, "category_id": here[-1][2],
                "bbox": tight(parts), "area": float(mask_api.area(encoded)), "iscrowd": int(crowd),
                "segmentation": plain if crowd else parts,
            })
        for _ in range(found):
            if here and random.random() < 0.7:
                centre, parts, category_id = here[random.integers(len(here))]
                grown = random.uniform(0.85, 1.15)
                parts = [((np.reshape(p, (-1, 2)) - centre) * grown + centre).round(1).ravel().tolist() for p in parts]
            else:
                parts = [outline(random, random.uniform(0, 1, 2) * (WIDTH, HEIGHT), np.exp(random.uniform(1.8, 5)))]
                category_id = int(random.choice(category_ids))
            detections.append({
                "image_id": image_id, "category_id": category_id, "score": round(float(random.uniform()), 1),
                "bbox": tight(parts), "segmentation": runs(parts),
            })
    flat = truth["annotations"][0]
    flat["bbox"][2], flat["area"] = 0.0, 0.0
    return truth, [detections[k] for k in random.permutation(len(detections))]


def without(detections, *fields):
    return [{name: v for name, v in one.items() if name not in fields} for one in detections]


def coarse(records):
    """Boxes on a grid, so that overlaps are alike or lie on a threshold."""
    grid = lambda bbox: [round(v / 24) * 24.0 for v in bbox]
    return [{**one, "bbox": grid(one["bbox"])} for one in records]


def contested():
    """On image 1 the surer detection overlaps two objects alike; on image 2 an object lies within a crowd."""
    objects = [(1, [0, 0, 10, 10], 0), (1, [4, 0, 10, 10], 0), (2, [0, 0, 40, 40], 1), (2, [0, 0, 20, 20], 0)]
    found = [(1, [2, 0, 10, 10], 0.9), (1, [0, 0, 10, 10], 0.8), (2, [0, 0, 20, 22], 0.7), (2, [20, 20, 20, 20], 0.6)]
    truth = {
        "images": [{"id": 1}, {"id": 2}],
        "categories": [{"id": 1, "name": "kind"}],
        "annotations": [
            {"id": k, "image_id": image_id, "category_id": 1, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": crowd}
            for k, (image_id, bbox, crowd) in enumerate(objects, 1)
        ],
    }
    return truth, [{"image_id": i, "category_id": 1, "bbox": bbox, "score": score} for i, bbox, score in found]


def coco_cases():
    truth, detections = data_set(4)
    boxes, masks = without(detections, "segmentation"), without(detections, "bbox")
    bare = {**truth, "annotations": without(truth["annotations"], "segmentation")}
    few = {"iouThrs": np.array([0.3, 0.5, 0.75]), "maxDets": [1, 2, 4]}
    other_truth, other_detections = data_set(2)
    tied = [{**one, "score": 0.5} for one in without(other_detections, "segmentation")]
    other = {**other_truth, "annotations": without(other_truth["annotations"], "segmentation")}
    grid = {**other, "annotations": coarse(other["annotations"])}
    for name, data, found, kind, settings in (
        ("boxes", bare, boxes, "bbox", {}),
        ("masks", truth, masks, "segm", {}),
        ("masks-with-boxes", truth, detections, "segm", {}),
        ("agnostic", bare, boxes, "bbox", {"useCats": 0}),
        ("few-thresholds", bare, boxes, "bbox", few),
        ("coarse", grid, coarse(tied), "bbox", {"useCats": 0}),
        ("contested", *contested(), "bbox", {}),
        ("all-tied", other, tied, "bbox", {}),
        ("all-tied-agnostic", other, tied, "bbox", {"useCats": 0}),
    ):
        options = {key: np.asarray(value).tolist() for key, value in settings.items()}
        yield {
            "name": name, "kind": kind, "options": options, "truth": data, "detections": found,
            **evaluate(data, found, kind, **settings),
        }


def polygons(random):
    height, width = 23, 31
    shapes = [
        [0, 0, 31, 0, 31, 23, 0, 23],
        [0.5, 0.5, 30.5, 0.5, 30.5, 22.5, 0.5, 22.5],
        [3, 3, 3, 3, 9, 3, 9, 9],
        [4, 4, 4, 4, 4, 4],
        [2, 2, 20, 2, 2, 2],
        [-50, -50, 80, -50, 80, 80, -50, 80],
        [-4000.3, 11, 5000.2, 11.4, 5000, 3000, -4000, 2900.7],
        [10.1, 10.1, 10.3, 10.1, 10.3, 10.3],
        [5, 20, 25, 1, 5, 1, 25, 20],
    ]
    for _ in range(30):
        n = random.integers(3, 9)
        points = random.uniform(-0.3, 1.3, (n, 2)) * (width, height)
        shapes.append(np.round(points, random.integers(0, 4)).ravel().tolist())
    for shape in shapes:
        encoded = mask_api.frPyObjects([[float(v) for v in shape]], height, width)[0]
        yield {
            "size": [height, width], "xy": shape, "counts": counts_of(mask_api.decode(encoded)),
            "compressed": encoded["counts"].decode(),
        }


def masks(random):
    pixels = [np.zeros((4, 3)), np.ones((4, 3)), np.ones((1, 1)), np.zeros((1, 1))]
    pixels += [random.random((9, 7)) < p for p in (0.1, 0.5, 0.9)]
    wide = np.zeros((300, 400))
    wide[40:260, 30:37] = wide[7, :] = wide[200:, 399] = 1
    pixels.append(wide)
    for one in pixels:
        encoded = mask_api.encode(np.asfortranarray(one.astype(np.uint8)))
        yield {
            "size": encoded["size"], "counts": counts_of(one), "compressed": encoded["counts"].decode(),
            "area": int(mask_api.area(encoded)), "bbox": mask_api.toBbox(encoded).tolist(),
        }


def pairs(random):
    for p, q in ((0.1, 0.2), (0.5, 0.5), (0.9, 0.3), (0.0, 0.0), (0.4, 1.0)):
        both = [np.asfortranarray((random.random((8, 11)) < of).astype(np.uint8)) for of in (p, q)]
        a, b = (mask_api.encode(one) for one in both)
        merged = {name: mask_api.merge([a, b], intersect=name == "intersection") for name in ("union", "intersection")}
        yield {
            "a": a["counts"].decode(), "b": b["counts"].decode(), "size": a["size"],
            "iou": float(mask_api.iou([a], [b], [0])[0, 0]), "iou_crowd": float(mask_api.iou([a], [b], [1])[0, 0]),
            **{name: counts_of(mask_api.decode(one)) for name, one in merged.items()},
        }


def write(name, content):
    (HERE / name).write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    write("detection_coco.json", list(coco_cases()))
    random = np.random.default_rng(3)
    write("detection_rle.json", {kind.__name__: list(kind(random)) for kind in (polygons, masks, pairs)})
