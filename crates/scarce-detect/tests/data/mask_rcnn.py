"""Makes `mask_rcnn.safetensors`: what torchvision's detectors compute, whose weights both sides make by a formula. Beside this
file: `python mask_rcnn.py`, with torch 2.11, torchvision 0.26 and safetensors.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNPredictor
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import batched_nms, nms, roi_align

HERE = pathlib.Path(__file__).parent


def wave(count, pace, phase):
    return torch.sin(pace * torch.arange(count, dtype=torch.float64) + phase)


def noise(count, phase):
    """Evenly from -1 to 1, as good as drawn."""
    values = torch.sin(12.9898 * torch.arange(count, dtype=torch.float64) + phase) * 43758.5453
    return 2 * (values - values.floor()) - 1


def fill(network):
    for name, tensor in network.state_dict().items():
        if "running" in name or "num_batches" in name:
            continue
        values = noise(tensor.numel(), sum(name.encode()) % 101).view(tensor.shape)
        if tensor.dim() > 1:
            values = values * (6 * tensor.shape[0] / tensor.numel()) ** 0.5
            # Answers that are neither certain nor beyond the image.
            values = values * (0.05 if "bbox_pred" in name or "cls_" in name else 1)
        elif name.endswith("weight"):
            values = 1 + 0.2 * values
        else:
            values = 0.1 * values
        tensor.copy_(values)


def probes(tensor):
    """A tensor's norm, and its products with three waves: two tensors that share them are equal."""
    flat = tensor.detach().double().flatten()
    products = [flat @ wave(flat.numel(), 0.9 * (k + 1), 0.3 * k) for k in range(3)]
    return torch.stack([flat.norm(), *products])


def boxes_in(count, height, width, phase):
    """Boxes that leave the image, and such of a fraction of a pixel, among them."""
    x, y = (wave(count, 2.1, phase) + 1) * width / 2, (wave(count, 1.7, phase) + 1) * height / 2
    w, h = (wave(count, 3.3, phase) ** 2) * width * 0.6 + 0.3, (wave(count, 0.7, phase) ** 2) * height * 0.6 + 0.3
    return torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1).float()


found = {}
maps = wave(2 * 3 * 9 * 11, 0.9, 0).view(2, 3, 9, 11).float().requires_grad_()
regions = torch.cat([torch.tensor([[0.0], [1.0]] * 4), boxes_in(8, 36, 44, 0.2)], 1)
for aligned in (False, True):
    for ratio in (-1, 1, 2, 3):
        pooled = roi_align(maps, regions, (2, 3), 0.25, ratio, aligned)
        (gradient,) = torch.autograd.grad((pooled * wave(pooled.numel(), 1.1, 0).view(pooled.shape)).sum(), maps)
        found[f"roi_align.{aligned}.{ratio}"] = pooled.detach()
        found[f"roi_align.{aligned}.{ratio}.gradient"] = gradient
crowd, scores = boxes_in(400, 90, 120, 0.4), wave(400, 5.1, 0.1).float()
for threshold in (0.3, 0.5, 0.7):
    found[f"nms.{threshold}"] = nms(crowd, scores, threshold)
    found[f"batched_nms.{threshold}"] = batched_nms(crowd, scores, torch.arange(400) % 3, threshold)

backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=5, norm_layer=torch.nn.BatchNorm2d)
# Everything is sampled, and few proposals overlap so nearly alike that rounding could choose.
network = MaskRCNN(
    backbone, rpn_pre_nms_top_n_train=200, rpn_pre_nms_top_n_test=200, rpn_post_nms_top_n_train=60, rpn_post_nms_top_n_test=60,
    rpn_batch_size_per_image=100_000, box_head=TwoMLPHead(256 * 49, 32), box_predictor=FastRCNNPredictor(32, 3),
    box_detections_per_img=6, box_score_thresh=0.0, mask_predictor=MaskRCNNPredictor(256, 256, 3),
)  # fmt: skip
with torch.no_grad():
    fill(network)
x = noise(2 * 3 * 128 * 160, 0.5).view(2, 3, 128, 160)
sizes = [(128, 160), (100, 140)]
boxes = torch.tensor([[20.0, 30.0, 70.0, 90.0], [90.0, 10.0, 150.5, 55.0]])
masks = torch.zeros(2, 128, 160)
masks[0, 35:85, 25:60] = 1
masks[1, 10:50, 100:150] = 1
none = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64), "masks": torch.zeros(0, 100, 140)}
targets = [{"boxes": boxes, "labels": torch.tensor([1, 2]), "masks": masks}, none]
images = ImageList(x.float(), sizes)


def run(targets):
    features = network.backbone(images.tensors)
    proposals, of_proposals = network.rpn(images, features, targets)
    detections, of_regions = network.roi_heads(features, proposals, sizes, targets)
    return detections, of_proposals | of_regions


network.train()
_, losses = run(targets)
sum(losses.values()).backward()
found |= {name: loss.detach() for name, loss in losses.items()}
found["gradients"] = torch.stack([probes(p.grad) for _, p in sorted(network.named_parameters())])
# After one step's running statistics.
network.eval()
with torch.no_grad():
    detections, _ = run(None)
for k, detected in enumerate(detections):
    for name in ("boxes", "scores", "labels"):
        found[f"{name}.{k}"] = detected[name]
    whole = paste_masks_in_image(detected["masks"], detected["boxes"], sizes[k])
    found[f"masks.{k}"] = torch.stack([probes(mask) for mask in detected["masks"]])
    found[f"pasted.{k}"] = torch.stack([probes(mask) for mask in whole])
    print(detected["scores"], detected["labels"])
print(losses)
save_file({name: tensor.contiguous() for name, tensor in found.items()}, HERE / "mask_rcnn.safetensors")
