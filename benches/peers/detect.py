"""Mask R-CNN and its parts beside torchvision's: the same inputs, weights, libtorch and threads on either side.

RoIAlign over a pyramid, forward and backward, and suppression among the proposals of five levels are compared to 1e-4 and to the
index, then timed in turns. The training step is that of a ResNet-18 with a pyramid on four pictures of 256 pixels with two objects
each, every anchor and proposal sampled so that the losses of both sides are one; a step's time is from the start of its forward
pass to the start of the next one.
"""
# requires: numpy==2.2.6 safetensors==0.8.0 torch==2.11.0 torchvision==0.26.0
# builds: scarce-detect/detect_step

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

# Read when libgomp is loaded: idle threads would otherwise spin, on either side.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import torch
from safetensors.torch import load_file, save_file
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign, batched_nms

THREADS, ROUNDS, TURNS, STEPS = 2, 5, 3, 5


def boxes_in(count, height, width):
    at = torch.rand(count, 2) * torch.tensor([width, height])
    half = torch.exp(torch.rand(count, 2) * 3.5 + 1.5)
    low, high = (at - half).clamp_min(0), torch.minimum(at + half, torch.tensor([width, height]).float())
    return torch.cat([low, high], 1)


def ours(example, job, folder, rounds):
    run = subprocess.run(
        [example, job, folder, str(rounds), str(THREADS)], check=True, stdout=subprocess.PIPE, text=True,
        env=dict(os.environ, RAYON_NUM_THREADS=str(THREADS)),
    )  # fmt: skip
    return json.loads(run.stdout)


def in_turns(name, mine, theirs, equal_to):
    """Both take turns, and of each turn the first round is a warm-up."""
    seconds = [[], []]
    for _ in range(TURNS):
        for found, side in zip(seconds, (mine, theirs)):
            found.extend(side()[1:])
    told = {
        "duel": name,
        "scarce_s": statistics.median(seconds[0]),
        "peers": {"torchvision": statistics.median(seconds[1])},
        "equal_to": equal_to,
    }
    print(json.dumps(told), flush=True)


def timed(job):
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return seconds


def pool(example, folder):
    height, width, per_image = 512, 640, 512
    maps = {str(k): torch.randn(2, 256, height // s, width // s).requires_grad_() for k, s in enumerate((4, 8, 16, 32))}
    boxes = [boxes_in(per_image, height, width) for _ in range(2)]
    align = MultiScaleRoIAlign(list(maps), 7, 2)
    align(maps, boxes, [(height, width)] * 2)
    levels = align.map_levels(boxes).float()
    image = torch.arange(2).repeat_interleave(per_image).float()
    regions = torch.cat([image[:, None], levels[:, None], torch.cat(boxes)], 1)
    weights = torch.randn(2 * per_image, 256, 7, 7)
    inputs = {f"map{k}": v.detach() for k, v in maps.items()} | {"regions": regions, "weights": weights}
    save_file(inputs, f"{folder}/pool.safetensors")

    def theirs():
        pooled = align(maps, boxes, [(height, width)] * 2)
        return pooled, torch.autograd.grad((pooled * weights).sum(), list(maps.values()))

    ours(example, "pool", folder, 1)
    mine = load_file(f"{folder}/computed.safetensors")
    pooled, gradients = theirs()
    for name, expected in {"pooled": pooled, **{f"gradient{k}": g for k, g in enumerate(gradients)}}.items():
        apart = (mine[name] - expected).abs().max().item()
        assert apart <= 1e-4, f"{name}: {apart}"
    in_turns("RoIAlign, 1024 regions of four levels, 256 channels, forward and backward",
             lambda: ours(example, "pool", folder, ROUNDS), lambda: timed(theirs), 1e-4)  # fmt: skip


def suppress(example, folder, count):
    # As proposals are: many about each of few places.
    places = boxes_in(count // 20, 800, 1333).repeat(20, 1)
    boxes = places + torch.randn_like(places) * 2
    # No two scores are equal: torchvision leaves the order of such boxes to an unstable sort.
    scores = torch.randperm(count) / count
    classes = torch.randint(0, 5, (count,))
    save_file({"boxes": boxes, "scores": scores, "classes": classes}, f"{folder}/suppress.safetensors")
    ours(example, "suppress", folder, 1)
    kept = batched_nms(boxes, scores, classes, 0.7)
    assert torch.equal(load_file(f"{folder}/computed.safetensors")["kept"], kept)
    in_turns(f"suppression among {count} boxes of five levels, {len(kept)} stay",
             lambda: ours(example, "suppress", folder, ROUNDS),
             lambda: timed(lambda: batched_nms(boxes, scores, classes, 0.7)), 0)  # fmt: skip


def detector():
    torch.manual_seed(0)
    backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=5, norm_layer=torch.nn.BatchNorm2d)
    return MaskRCNN(
        backbone, 2, rpn_post_nms_top_n_train=500, rpn_post_nms_top_n_test=500, rpn_batch_size_per_image=1_000_000
    ).train()


def batch():
    torch.manual_seed(1)
    side = 256
    found = {"pixels": torch.randn(4, 3, side, side)}
    for k in range(4):
        boxes = torch.tensor([[20.0 + 9 * k, 30.0, 80.0 + 9 * k, 110.0], [130.0, 120.0 - 7 * k, 215.0, 190.0]])
        masks = torch.zeros(2, side, side)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist()):
            mask[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4] = 1
        found |= {f"boxes{k}": boxes, f"labels{k}": torch.ones(2, dtype=torch.int64), f"masks{k}": masks}
    return found


def train(steps):
    """torchvision's steps, in a process of its own."""
    torch.set_num_threads(THREADS)
    network, inputs = detector(), batch()
    sizes = [(256, 256)] * 4
    images = ImageList(inputs["pixels"], sizes)
    targets = [{"boxes": inputs[f"boxes{k}"], "labels": inputs[f"labels{k}"], "masks": inputs[f"masks{k}"]} for k in range(4)]
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-5, weight_decay=0.01)
    losses, began = [], []
    for _ in range(steps):
        began.append(time.perf_counter())
        optimizer.zero_grad()
        features = network.backbone(images.tensors)
        proposals, of_proposals = network.rpn(images, features, targets)
        _, of_regions = network.roi_heads(features, proposals, sizes, targets)
        loss = sum((of_proposals | of_regions).values())
        losses.append(loss.item())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    print(json.dumps({"losses": losses, "step_s": [b - a for a, b in zip(began, began[1:])]}))


def steps(example, folder):
    weights = {k: v.contiguous() for k, v in detector().state_dict().items() if not k.endswith("num_batches_tracked")}
    save_file(weights, f"{folder}/weights.safetensors")
    save_file(batch(), f"{folder}/batch.safetensors")
    mine, theirs = [], []
    for _ in range(2):
        mine.append(ours(example, "train", folder, STEPS))
        run = subprocess.run([sys.executable, __file__, "train", str(STEPS)], check=True, stdout=subprocess.PIPE, text=True)
        theirs.append(json.loads(run.stdout.splitlines()[-1]))
    apart = abs(mine[0]["losses"][0] - theirs[0]["losses"][0])
    assert apart <= 1e-3, f"losses differ by {apart}: {mine[0]['losses']} {theirs[0]['losses']}"
    # The first step plans its kernels.
    told = {
        "duel": "training step, Mask R-CNN of a ResNet-18, 4 pictures of 256 pixels, fp32",
        "scarce_s": min(statistics.median(run["step_s"][1:]) for run in mine),
        "peers": {"torchvision": min(statistics.median(run["step_s"][1:]) for run in theirs)},
        "equal_to": 1e-3,
    }
    print(json.dumps(told), flush=True)


def main(scarce):
    example = pathlib.Path(scarce).parent / "examples" / "detect_step"
    if not example.exists():
        sys.exit(f"{example} is missing: cargo build --release -p scarce-detect --example detect_step")
    torch.set_num_threads(THREADS)
    torch.manual_seed(2)
    with tempfile.TemporaryDirectory() as folder:
        pool(example, folder)
        suppress(example, folder, 5000)
        suppress(example, folder, 20000)
        steps(example, folder)


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(int(sys.argv[2]))
    else:
        main(sys.argv[1])
