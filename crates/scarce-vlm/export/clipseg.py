"""A CLIPSeg checkpoint of `transformers` as clipseg.onnx and tokenizer.json, for `scarce_vlm::clipseg`.

    pip install torch transformers onnx onnxruntime pillow
    python clipseg.py CHECKPOINT FOLDER          # CHECKPOINT: a folder, or a name such as CIDAS/clipseg-rd64-refined

The graph takes `input_ids` and `attention_mask` (texts, tokens) and `pixel_values` (texts, 3, side, side), and gives `logits`
(texts, side, side). It is run beside PyTorch, and the largest difference is printed.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from transformers import AutoTokenizer, CLIPSegForImageSegmentation

OPSET = 17
TOLERANCE = 1e-3


class Graph(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, pixel_values):
        logits = self.model(input_ids=input_ids, attention_mask=attention_mask, pixel_values=pixel_values).logits
        # One text loses its axis in some releases.
        return logits.reshape(input_ids.shape[0], *pixel_values.shape[2:])


@torch.no_grad()
def export(model, path):
    # Attention in plain operators, which every ONNX Runtime has.
    model.set_attn_implementation("eager")
    side = model.config.vision_config.image_size
    words = model.config.text_config.vocab_size - 2
    ids = torch.tensor([[words, 5, 6, 7, words + 1]])
    inputs = (ids, torch.ones_like(ids), torch.randn(1, 3, side, side))
    names = ["input_ids", "attention_mask", "pixel_values"]
    axes = {name: {0: "texts", 1: "tokens"} for name in names[:2]} | {"pixel_values": {0: "texts"}, "logits": {0: "texts"}}
    graph = Graph(model).eval()
    torch.onnx.export(graph, inputs, path, dynamo=False, opset_version=OPSET, input_names=names, output_names=["logits"], dynamic_axes=axes)  # fmt: skip
    onnx.checker.check_model(str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    # Of another length than the traced one, so that a length that was frozen is seen.
    for length in (3, 5, 9):
        ids = torch.tensor([[words] + [4] * (length - 2) + [words + 1]])
        inputs = (ids, torch.ones_like(ids), torch.randn(1, 3, side, side))
        found = session.run(None, {name: value.numpy() for name, value in zip(names, inputs)})[0]
        expected = graph(*inputs).numpy()
        difference = float(np.abs(found - expected).max()) / max(1.0, float(np.abs(expected).max()))
        print(f"{length} tokens: logits {list(found.shape)} differ by {difference:.1e} of their largest value")
        if not difference <= TOLERANCE:
            raise SystemExit("the graph does not equal PyTorch")


def main():
    checkpoint, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    export(CLIPSegForImageSegmentation.from_pretrained(checkpoint).eval(), folder / "clipseg.onnx")
    AutoTokenizer.from_pretrained(checkpoint).backend_tokenizer.save(str(folder / "tokenizer.json"))


if __name__ == "__main__":
    main()
