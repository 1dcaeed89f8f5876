"""CORAL forward and backward at CORN's size beside PyTorch's eager mode: 12,800 rows of 64 features against 256 anchors.

The peer is the loss as one writes it with `torch.cov`. Loss and gradient are compared in float32 with the peer's, and the peer's with
float64. Both sides run in processes of their own, in turns; each one's best median counts.
"""
# requires: numpy==2.2.6 safetensors==0.8.0 torch==2.11.0 monai==1.6.1
# builds: scarce-corn/corn_duel

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

THREADS = 2
ROUNDS = 60
TURNS = 3


def coral(rows, anchors):
    difference = torch.cov(rows.T) - torch.cov(anchors.T)
    return difference.square().sum() / (4 * rows.shape[1] ** 2)


def forward_backward(rows, anchors):
    rows.grad = None
    loss = coral(rows, anchors)
    loss.backward()
    return loss.detach()


def time_peer(folder):
    torch.set_num_threads(THREADS)
    tensors = load_file(f"{folder}/input.safetensors")
    rows, anchors = tensors["rows"].requires_grad_(), tensors["anchors"]
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        forward_backward(rows, anchors)
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"seconds": seconds}))


def median_of(command):
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    # The first rounds plan their kernels and warm the caches.
    return statistics.median(json.loads(run.stdout.splitlines()[-1])["seconds"][10:])


def apart(got, expected):
    return ((got.double() - expected.double()).norm() / expected.double().norm()).item()


def main(scarce):
    example = pathlib.Path(scarce).parent / "examples" / "corn_duel"
    if not example.exists():
        sys.exit(f"{example} is missing: cargo build --release -p scarce-corn --example corn_duel")
    torch.manual_seed(0)
    rows, anchors = torch.randn(12800, 64) @ torch.randn(64, 64), torch.randn(256, 64) + 3
    with tempfile.TemporaryDirectory() as folder:
        save_file({"rows": rows, "anchors": anchors}, f"{folder}/input.safetensors")
        ours = [str(example), "coral", folder, str(ROUNDS), str(THREADS)]
        peer = [sys.executable, __file__, "time", folder]
        times = {"scarce": [], "PyTorch, eager": []}
        for _ in range(TURNS):
            times["scarce"].append(median_of(ours))
            times["PyTorch, eager"].append(median_of(peer))
        computed = load_file(f"{folder}/computed.safetensors")
    exact = rows.double().requires_grad_()
    loss = forward_backward(exact, anchors.double())
    for name, got, expected in [("loss", computed["loss"], loss), ("gradient", computed["gradient"], exact.grad)]:
        assert apart(got, expected) < 1e-5, f"{name} is {apart(got, expected)} off"
    line = {
        "duel": "CORAL forward and backward, 12800 × 64 against 256 anchors, fp32",
        "scarce_s": min(times["scarce"]),
        "peers": {"PyTorch, eager": min(times["PyTorch, eager"])},
        "equal_to": 1e-5,
        "note": "loss and gradient against float64; the best of the medians of three turns",
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    time_peer(sys.argv[2]) if sys.argv[1] == "time" else main(sys.argv[1])
