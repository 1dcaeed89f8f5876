"""Makes `spark.safetensors`: what an independent computation in PyTorch gives for small networks whose weights both sides make by
a formula. Beside this file: `python spark.py`, with torch 2.11, timm 1.0.31 and safetensors.
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[3] / "benches" / "peers" / "mim"))

import torch
from _mae import Mae
from _spark import loss_of, our_name, spark_small, spark_vnet
from safetensors.torch import save_file


def wave(count, pace, phase):
    return torch.sin(pace * torch.arange(count, dtype=torch.float64) + phase)


def fill(network, our_name):
    for name, tensor in network.state_dict().items():
        name = our_name(name)
        if "running" in name or "num_batches" in name:
            continue
        values = wave(tensor.numel(), 1.3, sum(name.encode()) % 101).view(tensor.shape)
        if tensor.dim() > 1 and not name.endswith("token"):
            values = values * (2 * tensor.shape[0] / tensor.numel()) ** 0.5
        elif name.endswith("weight"):
            values = 1 + 0.2 * values
        else:
            values = 0.1 * values
        tensor.copy_(values)


def probes(tensor):
    """A tensor's norm, and its products with three waves: two tensors that share them are equal."""
    flat = tensor.detach().flatten()
    products = [flat @ wave(flat.numel(), 0.9 * (k + 1), 0.3 * k) for k in range(3)]
    return torch.stack([flat.norm(), *products])


def unpatchify(patches, like, p):
    b, c, h, w = like.shape
    return patches.view(b, h // p, w // p, p, p, c).permute(0, 5, 1, 3, 2, 4).reshape(like.shape)


QUARTERS = [1, 0, 0, 1, 0, 1, 0, 0]


def golden(network, shape, visible=QUARTERS, our_name=our_name):
    network = network.double()
    with torch.no_grad():
        fill(network, our_name)
    x = wave(torch.Size(shape).numel(), 0.11, 0.5).view(shape) + 0.3 * wave(torch.Size(shape).numel(), 1.7, 0).view(shape)
    axes = len(shape) - 2
    cells = round((len(visible) / shape[0]) ** (1 / axes))
    visible = torch.tensor(visible, dtype=torch.float64).view(shape[0], 1, *[cells] * axes)
    patch = shape[2] // cells
    predicted = network(x, visible)
    if predicted.dim() == 3:
        predicted = unpatchify(predicted, x, network.patch)
    loss = loss_of(predicted, x, 1 - visible, patch)
    loss.backward()
    tensors = {our_name(name): parameter.grad for name, parameter in network.named_parameters()}
    tensors |= {our_name(name): buffer for name, buffer in network.named_buffers() if "running" in name}
    return {
        "loss": loss.detach(),
        "predicted": probes(predicted),
        # Gradients, and running statistics afterwards, by name.
        "tensors": torch.stack([probes(tensor) for _, tensor in sorted(tensors.items())]),
    }


# Patches a quarter as wide as a cell of the last map, every fifth and seventh of them visible.
fine = [float(k % 5 == 0 or k % 7 == 3) for k in range(2 * 8 * 8)]
cases = {
    "small": golden(spark_small(1, [4, 4, 8, 8], 16), [2, 1, 32, 32]),
    "fine": golden(spark_small(1, [4, 4, 8, 8], 16), [2, 1, 32, 32], fine),
    "vit": golden(Mae(192, 3, 32, 1, 32), [2, 1, 32, 32], our_name=str),
    "vnet": golden(spark_vnet(1, 16, instance=True), [1, 1, 32, 32, 32]),
}
save_file({f"{case}.{name}": tensor for case, found in cases.items() for name, tensor in found.items()}, HERE / "spark.safetensors")
