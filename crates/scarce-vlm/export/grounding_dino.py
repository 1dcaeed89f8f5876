"""A Grounding DINO checkpoint of `transformers` as model.onnx and tokenizer.json, for `scarce_vlm::grounding_dino`.

    pip install torch==2.11.0 torchvision transformers==5.24.0 onnx==1.23.2 onnxruntime==1.32.0
    python grounding_dino.py CHECKPOINT FOLDER      # CHECKPOINT: a folder, or a name such as IDEA-Research/grounding-dino-tiny
    python grounding_dino.py --try FOLDER           # a small network of random weights instead, to see that it works

The graph takes `pixel_values` (1, 3, side, side), `pixel_mask` (1, side, side), `input_ids`, `token_type_ids` and
`attention_mask` (1, tokens), and gives `logits` (1, queries, 256), minus infinity beyond the text, and `pred_boxes` (1, queries,
4). The input's sides are fixed (`--side`, 800); scarce lays pictures into it and says by the mask where they are. Prompts may
have any number of tokens, but one phrase: the loop over phrases is unrolled when the graph is traced, which is why scarce asks
for one phrase a call. The graph is run beside PyTorch with other texts and masks than it was traced with, and the largest
difference printed.
"""

import argparse
import pathlib
import types

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import AutoTokenizer, GroundingDinoConfig, GroundingDinoForObjectDetection
from transformers.models.grounding_dino import modeling_grounding_dino as code

OPSET = 17
TOLERANCE = 1e-3
CLS, SEP, STOP = 101, 102, 1012
INPUTS = ["pixel_values", "pixel_mask", "input_ids", "token_type_ids", "attention_mask"]


def one_phrase(input_ids, special_tokens=None):
    """Which tokens see one another, and their positions, as `transformers` has them for `[CLS] phrase . [SEP]`, without a loop.

    The first token and the last see themselves, the phrase and its full stop one another; positions start anew in each.
    """
    at = torch.arange(input_ids.shape[1], device=input_ids.device)
    last = (input_ids == SEP).int().argmax(dim=1, keepdim=True)
    inside = (at > 0) & (at < last)
    sees = (inside[:, :, None] & inside[:, None, :]) | (at[:, None] == at)
    return sees, torch.where(inside, at - 1, torch.zeros_like(at))


def grid_sample(values, grid, **settings):
    """PyTorch's, at points that are single precision: traced sizes make them double, which ONNX Runtime does not sample at."""
    return torch.nn.functional.grid_sample(values, grid.to(values.dtype), **settings)


class Graph(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values, pixel_mask, input_ids, token_type_ids, attention_mask):
        found = self.model(
            pixel_values=pixel_values, pixel_mask=pixel_mask, input_ids=input_ids, token_type_ids=token_type_ids,
            attention_mask=attention_mask,
        )  # fmt: skip
        return found.logits, found.pred_boxes


def sample(words, side, seen, seed):
    """Inputs of a phrase of so many words, and of a picture of `seen` (y, x) pixels."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1037, 1037 + words, (1, words), generator=generator)
    ids = torch.cat([torch.tensor([[CLS]]), ids, torch.tensor([[STOP, SEP]])], dim=1)
    pixels, mask = torch.zeros(1, 3, side, side), torch.zeros(1, side, side, dtype=torch.int64)
    pixels[..., : seen[0], : seen[1]] = torch.randn(1, 3, *seen, generator=generator)
    mask[..., : seen[0], : seen[1]] = 1
    return pixels, mask, ids, torch.zeros_like(ids), torch.ones_like(ids)


@torch.no_grad()
def export(model, path, side):
    model.set_attn_implementation("eager")
    graph = Graph(model.eval())
    texts = [sample(words, side, seen, words) for words, seen in [(3, (side, side)), (1, (side, side // 2)), (7, (side * 2 // 3, side))]]
    expected = [graph(*inputs) for inputs in texts]
    original = code.generate_masks_with_special_tokens_and_transfer_map
    for inputs in texts:
        for ours, theirs in zip(one_phrase(inputs[2]), original(inputs[2], torch.tensor(code.SPECIAL_TOKENS))):
            assert torch.equal(ours.int(), theirs.int()), "the phrase's mask is not transformers'"
    code.generate_masks_with_special_tokens_and_transfer_map = one_phrase
    functional = types.SimpleNamespace(**vars(torch.nn.functional) | {"grid_sample": grid_sample})
    code.nn = types.SimpleNamespace(**vars(torch.nn) | {"functional": functional})
    axes = {name: {1: "tokens"} for name in INPUTS[2:]}
    torch.onnx.export(
        graph, texts[0], path, dynamo=False, opset_version=OPSET, input_names=INPUTS, output_names=["logits", "pred_boxes"],
        dynamic_axes=axes,
    )  # fmt: skip
    onnx.checker.check_model(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for inputs, (logits, boxes) in zip(texts, expected):
        found = session.run(["logits", "pred_boxes"], {name: value.numpy() for name, value in zip(INPUTS, inputs)})
        for name, ours, theirs in zip(("logits", "pred_boxes"), found, (logits.numpy(), boxes.numpy())):
            is_text = np.isfinite(theirs)
            assert np.array_equal(is_text, np.isfinite(ours)), f"{name}: another number of tokens"
            difference = float(np.abs(ours - theirs)[is_text].max() / max(1.0, np.abs(theirs[is_text]).max()))
            print(f"{inputs[2].shape[1]} tokens: {name} {list(ours.shape)} differ by {difference:.1e} of their largest value")
            if not difference <= TOLERANCE:
                raise SystemExit("the graph does not equal PyTorch")


def small():
    """The architecture at a small size, with random weights that let every input count."""
    torch.manual_seed(4)
    backbone = {
        "model_type": "swin", "image_size": 64, "embed_dim": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4],
        "window_size": 4, "out_indices": [2, 3, 4],
    }  # fmt: skip
    text = {
        "model_type": "bert", "vocab_size": 1100, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 64,
    }  # fmt: skip
    config = GroundingDinoConfig(
        backbone_config=backbone, text_config=text, d_model=32, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, encoder_attention_heads=4, decoder_attention_heads=4, num_queries=20, disable_custom_kernels=True,
    )  # fmt: skip
    model = GroundingDinoForObjectDetection(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--side", type=int, default=800)
    parser.add_argument("--try", dest="is_trial", action="store_true")
    options = parser.parse_args()
    if (options.checkpoint is None) != options.is_trial:
        parser.error("expected a checkpoint, or --try")
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.is_trial:
        return export(small(), options.folder / "model.onnx", 128)
    model = GroundingDinoForObjectDetection.from_pretrained(options.checkpoint, disable_custom_kernels=True)
    export(model, options.folder / "model.onnx", options.side)
    AutoTokenizer.from_pretrained(options.checkpoint).backend_tokenizer.save(str(options.folder / "tokenizer.json"))


if __name__ == "__main__":
    main()
