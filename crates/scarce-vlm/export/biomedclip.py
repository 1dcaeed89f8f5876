"""Exports BiomedCLIP for scarce-vlm's `biomedclip`: from weights to a folder of ONNX graphs.

    pip install torch==2.11.0 numpy onnx==1.23.2 onnxscript onnxruntime==1.32.0 tokenizers safetensors
    python biomedclip.py open_clip_pytorch_model.bin --tokenizer tokenizer.json --out models/biomedclip

The weights are open_clip's (`microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224`) or those of the port to
`transformers` (`chuhac/BiomedCLIP-vit-bert-hf`), fine-tuned ones of either kind too. The tokenizer is `tokenizer.json`, or
BERT's `vocab.txt`, of which one is made.

| file | from | to |
| --- | --- | --- |
| `text.onnx` | `input_ids` i64 (texts, tokens); padding with 0 changes nothing | `text_features` (texts, width) |
| `vision.onnx` | `pixel_values` f32 (pictures, 3, side, side) | `image_features` (pictures, width), `patch_features` (pictures, patches, width) |
| `layer-L/vision_prefix.onnx` | `pixel_values` (1, 3, side, side) | `hidden` (1, tokens, channels) after block L |
| `layer-L/m2ib_step.onnx` | `alpha`, `moment1`, `moment2`, `hidden`, `noise` (copies, tokens, channels), `step_number`, `text_features`, `beta` | one step of Adam: `next_alpha`, `next_moment1`, `next_moment2`, and of before it: `information`, `cosine` |
| `tokenizer.json` | | |

Features are not normalised. Each graph is run beside PyTorch, and the largest difference printed as a share of
the largest value (of what Adam updates the mean one); more than 1e-3 is an error.
"""

import argparse
import pathlib
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from biomedclip_network import Text, Vision, read_weights
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F

OPSET = 18
ADAM_LR, ADAM_BETA1, ADAM_BETA2, ADAM_EPS = 1.0, 0.9, 0.999, 1e-8
TOLERANCE = 1e-3


class Prefix(torch.nn.Module):
    """The vision tower up to block `layer`."""

    def __init__(self, vision, layer):
        super().__init__()
        self.vision, self.layer = vision, layer

    def forward(self, pixel_values):
        return self.vision.prefix(pixel_values, self.layer)


def m2ib_step(vision, layer):
    """One step of M2IB (Wang et al., 2023) with Adam, as a function of tensors alone.

    With lambda = sigmoid(alpha), the bottleneck lets z = lambda h + (1 - lambda) noise through; `information` is the
    divergence of N(lambda h, (1 - lambda)^2) from N(0, 1), of each channel of each token.
    """

    def step(alpha, moment1, moment2, step_number, hidden, text_features, noise, beta):
        def loss(alpha):
            mean = torch.sigmoid(alpha) * hidden
            # ln (1 - sigmoid(alpha)) itself is -inf once alpha is beyond 17.
            log_variance = -2.0 * F.softplus(alpha)
            information = -0.5 * (1.0 + log_variance - mean * mean - torch.exp(log_variance))
            passed = mean + torch.sigmoid(-alpha) * noise
            features = vision.tail(passed, layer)[:, 0]
            lengths = features.norm(dim=1).clamp_min(1e-6) * text_features.norm(dim=1).clamp_min(1e-6)
            cosine = ((features * text_features).sum(dim=1) / lengths).mean()
            return beta * information.mean() - cosine, (information, cosine)

        gradient, (information, cosine) = torch.func.grad(loss, has_aux=True)(alpha)
        next_moment1 = ADAM_BETA1 * moment1 + (1.0 - ADAM_BETA1) * gradient
        next_moment2 = ADAM_BETA2 * moment2 + (1.0 - ADAM_BETA2) * gradient * gradient
        corrected1 = next_moment1 / (1.0 - ADAM_BETA1**step_number)
        corrected2 = next_moment2 / (1.0 - ADAM_BETA2**step_number)
        # In units of epsilon: a sum with 1e-8 is one with 0 to the exporter's optimiser, which leaves it out. Gradients are not
        # far above 1e-8, so maps of a ViT-B/16 would be off by 0.02.
        next_alpha = alpha - ADAM_LR * (corrected1 / ADAM_EPS) / (corrected2.sqrt() / ADAM_EPS + 1.0)
        return next_alpha, next_moment1, next_moment2, information, cosine

    return step


def m2ib_inputs(vision, copies):
    """Inputs of a first step, by name. No name may be one that an operator of the graph gets."""
    shape = (1, vision.tokens, vision.width)
    generator = torch.Generator().manual_seed(0)
    normal = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    return {
        "alpha": torch.full(shape, 5.0),
        "moment1": torch.zeros(shape),
        "moment2": torch.zeros(shape),
        "step_number": torch.tensor(1.0),
        "hidden": normal(*shape),
        "text_features": normal(1, vision.out),
        "noise": normal(copies, *shape[1:]),
        "beta": torch.tensor(0.1),
    }


def export(model, inputs, outputs, path, dynamic=None):
    """Writes `model` as ONNX, and prints how far ONNX Runtime's outputs are from PyTorch's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
            tuple(inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=dynamic,
            verbose=False,
        )
        expected = model(*inputs.values())
    graph = program.model_proto
    forget_origins(graph)
    onnx.checker.check_model(graph)
    path.write_bytes(graph.SerializeToString())
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found = session.run(outputs, {name: value.numpy() for name, value in inputs.items()})
    expected = expected if isinstance(expected, tuple) else (expected,)
    for name, ours, theirs in zip(outputs, found, expected):
        theirs = theirs.numpy()
        # Adam divides gradients near zero by their own size: rounding shows in a few of what it updates, not in their mean.
        differences = np.abs(ours - theirs)
        worst = differences.mean() if name == "next_alpha" else differences.max()
        difference = float(worst / max(np.abs(theirs).max(), 1e-12))
        which = "mean" if name == "next_alpha" else "largest"
        print(f"{path.parent.name}/{path.name:22} {name:16} {which} relative difference {difference:.1e}")
        if not difference <= TOLERANCE:
            raise SystemExit(f"{name} differs by {difference}, at most {TOLERANCE} is accepted: {path}")


def forget_origins(model):
    """Takes out where in which file of this machine each operator was written."""
    graph = model.graph
    for part in [model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer]:
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]


def write_tokenizer(source, path, most_tokens):
    """Keeps `tokenizer.json` with BiomedCLIP's limit, or makes one of BERT's `vocab.txt`."""
    from tokenizers import BertWordPieceTokenizer, Tokenizer

    if source.suffix == ".txt":
        tokenizer = BertWordPieceTokenizer(str(source), lowercase=True)._tokenizer
    else:
        tokenizer = Tokenizer.from_file(str(source))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=most_tokens)
    tokenizer.save(str(path), pretty=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True, help="tokenizer.json or vocab.txt")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--layers", type=int, nargs="*", default=[7, 9], help="blocks to cut at for M2IB, from 0")
    parser.add_argument("--copies", type=int, default=10, help="noise copies in a step of M2IB")
    parser.add_argument("--heads", type=int, help="of attention; default: channels / 64")
    options = parser.parse_args()

    visual, text = read_weights(options.weights)
    vision, text = Vision(visual, options.heads).eval(), Text(text, options.heads).eval()
    for tower in (vision, text):
        tower.requires_grad_(False)
    out = options.out
    out.mkdir(parents=True, exist_ok=True)

    write_tokenizer(options.tokenizer, out / "tokenizer.json", min(256, text.positions))
    rows, columns = torch.export.Dim("texts"), torch.export.Dim("tokens", max=text.positions)
    ids = torch.randint(1, text.vocabulary, (2, 7), generator=torch.Generator().manual_seed(0))
    ids[1, 5:] = 0
    export(text, {"input_ids": ids}, ["text_features"], out / "text.onnx", ({0: rows, 1: columns},))

    pixels = torch.randn(2, 3, vision.side, vision.side, generator=torch.Generator().manual_seed(0))
    outputs = ["image_features", "patch_features"]
    export(vision, {"pixel_values": pixels}, outputs, out / "vision.onnx", ({0: torch.export.Dim("pictures")},))
    for layer in options.layers:
        if not 0 <= layer < len(vision.trunk.blocks) - 1:
            raise SystemExit(f"layer {layer}: expected one before the last of {len(vision.trunk.blocks)} blocks")
        folder = out / f"layer-{layer}"
        export(Prefix(vision, layer), {"pixel_values": pixels[:1]}, ["hidden"], folder / "vision_prefix.onnx")
        inputs = m2ib_inputs(vision, options.copies)
        step = make_fx(m2ib_step(vision, layer))(*inputs.values())
        outputs = ["next_alpha", "next_moment1", "next_moment2", "information", "cosine"]
        export(step, inputs, outputs, folder / "m2ib_step.onnx")


if __name__ == "__main__":
    main()
