"""SparK's pre-training step beside PyTorch's: ResNet-50 at 224 pixels and ResNet-18 at 96, the same weights, batches, masks and threads.

The peers are the dense network of the same size in PyTorch's eager mode (nothing hidden: what sparsity costs is measured against it), and
the authors' way of being sparse, which multiplies each output with the mask and gathers visible cells for each norm, written anew in
`_spark.py`. Before anything is timed, prediction, loss and every gradient of scarce's network are compared with the latter's, and the
dense network's features with timm's own under timm's names.

All clip by the global norm and step with AdamW; a step's time is from the start of its forward pass to the start of the next one. Each
side runs in a process of its own, one after the other, so that its memory is its own: the peak is counted from before the first
step, with weights and batches already there.
"""
# requires: numpy==2.2.6 safetensors==0.8.0 torch==2.11.0 torchvision==0.26.0 timm==1.0.31
# builds: scarce-mim/spark_step

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

import timm
import torch
from _spark import loss_of, our_name, spark
from safetensors.torch import load_file, save_file

THREADS = 2
BATCHES = 2
# As SparK hides.
HIDDEN = 0.6


def network_and_batches(name, batch, side):
    torch.manual_seed(0)
    network = spark(name)
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            # A scale of 0, as the last norms of residual branches begin with, would hide a branch from the comparison.
            if parameter.dim() == 1:
                parameter.uniform_(0.2, 0.6) if key.endswith(("weight", "gamma")) else parameter.uniform_(-0.1, 0.1)
    cells = (side // network.patch) ** 2
    batches = []
    for _ in range(BATCHES):
        order = torch.rand(batch, cells).argsort(1).argsort(1)
        visible = (order >= round(HIDDEN * cells)).float().view(batch, 1, side // network.patch, -1)
        batches.append((torch.randn(batch, 3, side, side), visible))
    return network, batches


def write(network, batches, folder):
    state = {k: v.contiguous() for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    save_file(state, f"{folder}/weights.safetensors")
    tensors = {f"{k}{i}": t for i, b in enumerate(batches) for k, t in zip(("x", "visible"), b)}
    save_file(tensors, f"{folder}/batches.safetensors")


def apart(got, expected):
    """Relative to the whole tensor's norm; a gradient that is 0 but for rounding counts as such."""
    return ((got.double() - expected.double()).norm() / expected.double().norm().clamp_min(1e-7)).item()


def assert_equal(example, name, side):
    """In f64, where rounding hides nothing. Returns the greatest difference."""
    network, batches = network_and_batches(name, 4, side)
    with tempfile.TemporaryDirectory() as folder:
        write(network, batches, folder)
        subprocess.run([example, "compute", name, "3", folder, "fp64"], check=True)
        ours = load_file(f"{folder}/computed.safetensors")
    network.double()
    x, visible = (t.double() for t in batches[0])
    dense = timm.create_model(name, num_classes=10).double().eval()
    head = dense.state_dict()
    prefix = "sparse_encoder.sp_cnn."
    trunk = {k[len(prefix) :]: v for k, v in network.state_dict().items() if k.startswith(prefix)}
    dense.load_state_dict({**{k: v for k, v in head.items() if k.startswith("fc.")}, **trunk}, strict=True)
    with torch.no_grad():
        logits = dense(x)
        differences = {"logits": apart(dense.forward_head(ours.pop("dense")), logits)}
    predicted = network(x, visible)
    loss = loss_of(predicted, x, 1 - visible, network.patch)
    loss.backward()
    expected = {"predicted": predicted.detach(), "loss": loss.detach()}
    expected |= {f"gradient.{our_name(k)}": p.grad for k, p in network.named_parameters()}
    expected |= {our_name(k): b for k, b in network.named_buffers() if "running" in k}
    assert sorted(ours) == sorted(expected), set(ours) ^ set(expected)
    differences |= {k: apart(ours[k], v) for k, v in expected.items()}
    worst = max(differences, key=differences.get)
    assert differences[worst] < 1e-4, f"{name}: {worst} is {differences[worst]} off"
    print(f"{name}: {len(differences)} tensors equal, {worst} least: {differences[worst]:.1e}", file=sys.stderr)


def memory():
    status = pathlib.Path("/proc/self/status").read_text()
    field = lambda name: int(status.split(name)[1].split()[0]) * 1024
    return {"resident": field("VmRSS:"), "peak": field("VmHWM:")}


def train(form, name, batch, side, steps, precision, layout):
    """A peer's steps, in a process of its own."""
    torch.set_num_threads(THREADS)
    network, batches = network_and_batches(name, batch, side)
    if layout == "channels-last":
        network = network.to(memory_format=torch.channels_last)
        batches = [(x.contiguous(memory_format=torch.channels_last), v) for x, v in batches]
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-5, weight_decay=0.01)
    losses, began, used = [], [], []
    for step in range(steps):
        used.append(memory())
        began.append(time.perf_counter())
        x, visible = batches[step % BATCHES]
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            predicted = network(x, None if form == "dense" else visible)
        loss = loss_of(predicted.float(), x, 1 - visible, network.patch)
        losses.append(loss.item())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    seconds = [b - a for a, b in zip(began, began[1:])]
    print(json.dumps({"losses": losses, "step_s": seconds, "memory": used}))


def told(command):
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    # Libraries print warnings before.
    found = json.loads(run.stdout.splitlines()[-1])
    # The first step plans its kernels.
    return found["losses"], statistics.median(found["step_s"][1:]), found["memory"][-1]["peak"] - found["memory"][0]["resident"]


def duel(example, name, batch, side, steps, precision, layout, equal_to, rounds=1):
    sides = {}
    with tempfile.TemporaryDirectory() as folder:
        write(*network_and_batches(name, batch, side), folder)
        shape = [str(steps), precision, layout]
        for _ in range(rounds):
            commands = {
                "scarce": [example, "time", name, "3", folder, str(steps), str(THREADS), precision, layout],
                "PyTorch, dense": [sys.executable, __file__, "train", "dense", name, str(batch), str(side), *shape],
                "PyTorch, masks and gathers": [sys.executable, __file__, "train", "sparse", name, str(batch), str(side), *shape],
            }
            for who, command in commands.items():
                sides.setdefault(who, []).append(told(command))
    losses = {who: found[0][0] for who, found in sides.items()}
    difference = max(abs(a - b) for a, b in zip(losses["scarce"], losses["PyTorch, masks and gathers"], strict=True))
    assert difference <= equal_to, f"{name} {precision} {layout}: losses differ by {difference}: {losses}"
    seconds = {who: min(time for _, time, _ in found) for who, found in sides.items()}
    peaks = {who: f"{min(peak for _, _, peak in found) / 2**20:.0f} MiB" for who, found in sides.items()}
    line = {
        "duel": f"pre-training step, {name}, {batch} images of {side} pixels, {HIDDEN:.0%} hidden, {precision}, {layout}",
        "scarce_s": seconds.pop("scarce"),
        "peers": seconds,
        "equal_to": equal_to,
        "note": "peak memory over weights and batches: " + ", ".join(f"{who} {peak}" for who, peak in peaks.items()),
    }
    print(json.dumps(line), flush=True)


def main(scarce):
    example = pathlib.Path(scarce).parent / "examples" / "spark_step"
    if not example.exists():
        sys.exit(f"{example} is missing: cargo build --release -p scarce-mim --example spark_step")
    assert_equal(example, "resnet18", 96)
    assert_equal(example, "resnet50", 96)
    duel(example, "resnet50", 8, 224, 5, "fp32", "contiguous", 1e-3)
    duel(example, "resnet50", 8, 224, 5, "fp32", "channels-last", 1e-3)
    duel(example, "resnet18", 32, 96, 6, "fp32", "contiguous", 1e-3)
    duel(example, "resnet50", 8, 224, 5, "bf16", "channels-last", 5e-2)


if __name__ == "__main__":
    if sys.argv[1] == "train":
        form, name, batch, side, steps, precision, layout = sys.argv[2:]
        train(form, name, int(batch), int(side), int(steps), precision, layout)
    else:
        main(sys.argv[1])
