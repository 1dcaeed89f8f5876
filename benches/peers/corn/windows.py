"""Sliding windows beside MONAI's `sliding_window_inference`: the same network, windows and weights, results compared first.

With a network that does nothing, and a small one, on 240 × 240 × 112 voxels: what the windows cost beside the network. With 105 classes
on 256 × 256 × 192 voxels, to a label map: what they take in memory.

Each side runs in a process of its own, in turns; the best time counts. Memory is the process's peak, and how far it went beyond what
was resident before, libraries and the input being there already. `scarce` has PyTorch ask for pages of 2 MiB, which is not PyTorch's
default: MONAI runs both as it comes and with them.
"""
# requires: numpy==2.2.6 safetensors==0.8.0 torch==2.11.0 monai==1.6.1
# builds: scarce-corn/corn_duel

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

# Read when libgomp is loaded: idle threads would otherwise spin, on either side.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import torch
from safetensors.torch import load_file, save_file

THREADS = 2
OVERLAP = 0.5
HUGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}


def network_of(tensors):
    def forward(x):
        layers = 0
        image = x
        while f"w{layers}" in tensors:
            weight = tensors[f"w{layers}"]
            x = torch.relu(x) if layers else x
            x = torch.nn.functional.conv3d(x, weight, tensors[f"b{layers}"], padding=weight.shape[2] // 2)
            layers += 1
        logits = x if layers else torch.cat([image, -image], 1)
        return logits.softmax(1)

    return forward


def memory(name):
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split(name)[1].split()[0]) * 1024


def run_peer(job, folder, rounds, patch):
    from monai.inferers import sliding_window_inference

    torch.set_num_threads(THREADS)
    tensors = load_file(f"{folder}/input.safetensors")
    image, forward = tensors["image"][None, None], network_of(tensors)
    patch = [int(side) for side in patch.split(",")]
    seconds, resident, computed = [], memory("VmRSS:"), None
    with torch.no_grad():
        for _ in range(int(rounds)):
            computed = None
            began = time.perf_counter()
            computed = sliding_window_inference(image, patch, 1, forward, overlap=OVERLAP, mode="constant")[0]
            if job == "labels":
                computed = computed.argmax(0).to(torch.uint8)
            seconds.append(time.perf_counter() - began)
    peak = memory("VmHWM:")
    save_file({job: computed.contiguous()}, f"{folder}/peer.safetensors")
    print(json.dumps({"seconds": seconds, "resident": resident, "peak": peak}))


def told(command, settings):
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | settings)
    return json.loads(run.stdout.splitlines()[-1])


def equal_to(job, folder):
    """The greatest difference of probabilities; of labels the share that differs, where sums of one voxel are rounded otherwise."""
    ours, theirs = (load_file(f"{folder}/{name}.safetensors")[job] for name in ("computed", "peer"))
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    if job == "labels":
        return (ours != theirs).double().mean().item()
    return (ours - theirs).abs().max().item()


def duel(example, name, job, tensors, patch, rounds, turns, tolerance):
    sides = ",".join(str(side) for side in patch)
    # As MONAI spaces them.
    strides = ",".join(str(int(side * (1 - OVERLAP))) for side in patch)
    settings_of = {"scarce": HUGE_PAGES, "MONAI": {}, "MONAI, huge pages": HUGE_PAGES}
    found = {who: [] for who in settings_of}
    with tempfile.TemporaryDirectory() as folder:
        save_file(tensors, f"{folder}/input.safetensors")
        ours = [str(example), job, folder, str(rounds), str(THREADS), sides, strides]
        peer = [sys.executable, __file__, "peer", job, folder, str(rounds), sides]
        for _ in range(turns):
            for who, settings in settings_of.items():
                found[who].append(told(ours if who == "scarce" else peer, settings))
        difference = equal_to(job, folder)
    assert difference <= tolerance, f"{name}: {difference} apart"
    mib = lambda value: f"{value / 2**20:.0f} MiB"
    best = {who: min(min(run["seconds"]) for run in runs) for who, runs in found.items()}
    peaks = {who: min(runs, key=lambda run: run["peak"]) for who, runs in found.items()}
    told_peaks = [f"{who} {mib(run['peak'])}, {mib(run['peak'] - run['resident'])} of it for the job" for who, run in peaks.items()]
    line = {
        "duel": name,
        "scarce_s": best["scarce"],
        "peers": {who: seconds for who, seconds in best.items() if who != "scarce"},
        "equal_to": tolerance,
        "note": "peak memory: " + "; ".join(told_peaks),
    }
    print(json.dumps(line), flush=True)


def image(shape):
    return {"image": torch.randn(shape)}


def convolution(layer, outputs, inputs, side):
    scale = (inputs * side**3) ** -0.5
    return {f"w{layer}": torch.randn(outputs, inputs, side, side, side) * scale, f"b{layer}": torch.randn(outputs) * scale}


def main(scarce):
    example = pathlib.Path(scarce).parent / "examples" / "corn_duel"
    if not example.exists():
        sys.exit(f"{example} is missing: cargo build --release -p scarce-corn --example corn_duel")
    torch.manual_seed(0)
    heart, patch = image((240, 240, 112)), (112, 112, 80)
    of = "240 × 240 × 112 voxels, windows of 112 × 112 × 80, overlap 0.5"
    duel(example, f"sliding window, {of}, network that does nothing", "probabilities", heart, patch, 3, 3, 1e-6)
    small = heart | convolution(0, 8, 1, 3) | convolution(1, 8, 8, 3) | convolution(2, 2, 8, 1)
    duel(example, f"sliding window, {of}, three convolutions of 8 filters", "probabilities", small, patch, 1, 2, 1e-5)
    body = image((256, 256, 192)) | convolution(0, 105, 1, 1)
    of = "256 × 256 × 192 voxels, 105 classes, windows of 64³, overlap 0.5"
    duel(example, f"label map, {of}, one convolution of 1³", "labels", body, (64, 64, 64), 1, 2, 1e-4)


if __name__ == "__main__":
    run_peer(*sys.argv[2:]) if sys.argv[1] == "peer" else main(sys.argv[1])
