#!/usr/bin/env python3
"""Turn a PyTorch .pth file into safetensors, on a machine of your own.

    python pth_to_safetensors.py weights.pth weights.safetensors [--key state_dict]

A .pth file is a pickle; scarce never reads one. This script reads it with `weights_only=True`, which builds
tensors and plain containers and runs nothing else, writes the tensors under the names they have, reads the
written file back and compares every tensor bit for bit. Needs the packages torch (2.6 or newer) and
safetensors.
"""

import argparse
import sys
from collections.abc import Mapping

import torch
from safetensors.torch import load_file, save_file

# Where training scripts commonly keep the weights within what they save.
USUAL_KEYS = ("state_dict", "model_state_dict", "model", "module", "network", "network_weights")


def find_state_dict(loaded, key):
    """The mapping of names to tensors in `loaded`, under `key` or under one of the usual ones."""
    if key is not None:
        if not isinstance(loaded, Mapping) or key not in loaded:
            raise SystemExit(f"there is no key {key!r}; keys: {keys_of(loaded)}")
        return loaded[key]
    if isinstance(loaded, Mapping):
        if loaded and all(isinstance(value, torch.Tensor) for value in loaded.values()):
            return loaded
        for usual in USUAL_KEYS:
            if isinstance(loaded.get(usual), Mapping):
                return loaded[usual]
    raise SystemExit(f"found no state dict; name its key with --key; keys: {keys_of(loaded)}")


def keys_of(loaded):
    return ", ".join(map(str, loaded)) if isinstance(loaded, Mapping) else type(loaded).__name__


def tensors_of(state_dict):
    """Contiguous tensors of their own: safetensors takes neither views nor shared memory."""
    tensors, skipped = {}, []
    for name, value in state_dict.items():
        if isinstance(value, torch.Tensor):
            tensors[name] = value.detach().cpu().contiguous().clone()
        else:
            skipped.append(name)
    if not tensors:
        raise SystemExit("there is no tensor in it")
    return tensors, skipped


def same_bits(a, b):
    """Equality of bits, so that NaN equals NaN."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="the .pth file")
    parser.add_argument("target", help="the .safetensors file to write")
    parser.add_argument("--key", help="where the state dict lies within the file")
    arguments = parser.parse_args()

    loaded = torch.load(arguments.source, map_location="cpu", weights_only=True)
    tensors, skipped = tensors_of(find_state_dict(loaded, arguments.key))
    save_file(tensors, arguments.target, metadata={"format": "pt"})

    written = load_file(arguments.target)
    different = [name for name in tensors if name not in written or not same_bits(tensors[name], written[name])]
    if different or len(written) != len(tensors):
        sys.exit(f"the written file differs in {different or sorted(set(written) - set(tensors))}")
    values = sum(tensor.numel() for tensor in tensors.values())
    print(f"{len(tensors)} tensors, {values} values, read back equal: {arguments.target}")
    if skipped:
        print(f"left out, as they are no tensors: {', '.join(map(str, skipped))}")


if __name__ == "__main__":
    main()
