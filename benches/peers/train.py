"""A training step beside PyTorch's eager mode: the same network, weights, batches, libtorch and threads on either side.

Both sides clip by the global norm and step with AdamW; a step's time is from the start of its forward pass to the start
of the next one. Ours is the example `train_step`, driven by the loop with its log and its checks for what is not finite;
`cargo build --release -p scarce-train --example train_step` builds it. Losses are compared first. Channels-last and bf16
are what they are on this machine's kernels, on either side; bf16 losses only need to agree as far as bf16 does.
"""
# requires: numpy==2.2.6 nibabel==5.4.2 safetensors==0.8.0 torch==2.11.0 torchvision==0.26.0
# builds: scarce-train/train_step

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
import torchvision
from safetensors.torch import save_file
from torch import nn

THREADS = 2
STEPS = 8
ROUNDS = 3
BATCHES = 3


class Block(nn.Module):
    def __init__(self, source, target, step):
        super().__init__()
        if step == "same":
            self.conv = nn.Conv3d(source, target, 3, padding=1)
        elif step == "down":
            self.conv = nn.Conv3d(source, target, 2, stride=2)
        else:
            self.conv = nn.ConvTranspose3d(source, target, 2, stride=2)
        self.norm = nn.BatchNorm3d(target)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class UNet3d(nn.Module):
    def __init__(self):
        super().__init__()
        for name, source, target, step in [
            ("enc1a", 1, 16, "same"), ("enc1b", 16, 16, "same"), ("down1", 16, 32, "down"),
            ("enc2a", 32, 32, "same"), ("enc2b", 32, 32, "same"), ("down2", 32, 64, "down"),
            ("enc3a", 64, 64, "same"), ("enc3b", 64, 64, "same"), ("up2", 64, 32, "up"),
            ("dec2", 64, 32, "same"), ("up1", 32, 16, "up"), ("dec1", 32, 16, "same"),
        ]:  # fmt: skip
            setattr(self, name, Block(source, target, step))
        self.out = nn.Conv3d(16, 2, 1)

    def forward(self, x):
        level1 = self.enc1b(self.enc1a(x))
        level2 = self.enc2b(self.enc2a(self.down1(level1)))
        level3 = self.up2(self.enc3b(self.enc3a(self.down2(level2))))
        level2 = self.up1(self.dec2(torch.cat([level2, level3], 1)))
        level1 = self.dec1(torch.cat([level1, level2], 1))
        # The logits are fp32 on either side.
        with torch.autocast("cpu", enabled=False):
            return self.out(level1.float())


def make(network):
    torch.manual_seed(0)
    if network == "unet3d":
        module = UNet3d()
        batches = [(torch.randn(2, 1, 48, 48, 48), torch.randint(2, (2, 48, 48, 48))) for _ in range(BATCHES)]
    else:
        module = torchvision.models.resnet18(num_classes=10)
        batches = [(torch.randn(16, 3, 112, 112), torch.randint(10, (16,))) for _ in range(BATCHES)]
    return module, batches


def theirs(module, batches, precision, layout):
    if layout == "channels-last":
        module = module.to(memory_format=torch.channels_last)
        batches = [(x.to(memory_format=torch.channels_last), y) for x, y in batches]
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-5, weight_decay=0.01)
    losses, began = [], []
    for step in range(STEPS):
        began.append(time.perf_counter())
        x, y = batches[step % BATCHES]
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            logits = module(x)
        loss = nn.functional.cross_entropy(logits.float(), y)
        losses.append(loss.item())
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()
    return losses, [b - a for a, b in zip(began, began[1:])]


def ours(example, network, folder, precision, layout):
    command = [example, network, folder, str(STEPS), str(THREADS), precision, layout]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return result["losses"], result["step_s"]


def duel(example, network, precision, layout, equal_to):
    mine, peers = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            module, batches = make(network)
            state = {k: v for k, v in module.state_dict().items() if not k.endswith("num_batches_tracked")}
            save_file(state, f"{folder}/weights.safetensors")
            save_file({f"{k}{i}": t for i, b in enumerate(batches) for k, t in zip("xy", b)}, f"{folder}/batches.safetensors")
            my_losses, my_times = ours(example, network, folder, precision, layout)
            their_losses, their_times = theirs(module, batches, precision, layout)
            apart = max(abs(a - b) for a, b in zip(my_losses, their_losses, strict=True))
            assert apart <= equal_to, f"{network} {precision} {layout}: losses differ by {apart}: {my_losses} {their_losses}"
            # The first step plans its kernels.
            mine.append(statistics.median(my_times[1:]))
            peers.append(statistics.median(their_times[1:]))
    name = f"training step, {network}, {precision}, {layout}"
    line = {"duel": name, "scarce_s": min(mine), "peers": {"PyTorch": min(peers)}, "equal_to": equal_to}
    print(json.dumps(line), flush=True)


def main(scarce):
    example = pathlib.Path(scarce).parent / "examples" / "train_step"
    if not example.exists():
        sys.exit(f"{example} is missing: cargo build --release -p scarce-train --example train_step")
    torch.set_num_threads(THREADS)
    for network, precision, layout, equal_to in [
        ("unet3d", "fp32", "contiguous", 1e-4),
        ("resnet18", "fp32", "contiguous", 1e-4),
        ("resnet18", "fp32", "channels-last", 1e-4),
        ("unet3d", "bf16", "contiguous", 2e-2),
    ]:
        if not sys.argv[2:] or network in sys.argv[2:]:
            duel(example, network, precision, layout, equal_to)


if __name__ == "__main__":
    main(sys.argv[1])
