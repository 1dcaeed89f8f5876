"""SparK's network in PyTorch, from its equations: dense operators whose outputs are multiplied with the mask, and norms over cells
gathered from the map and put back. Masks are enlarged, and cells found, at every layer anew, as the authors' code does it.

With `visible` none everything is visible: the dense network of the same size. Names are those of SparK's checkpoints.
"""

import types

import timm
import torch
from timm.models.convnext import ConvNeXt, ConvNeXtBlock
from timm.models.resnet import BasicBlock
from torch import nn
from torch.nn import functional as F


class Mask:
    """Which cells of the grid are visible, `(batch, 1, side...)`; set before each forward pass."""

    def __init__(self):
        self.visible = None

    def like(self, x):
        mask = self.visible
        for axis in range(2, x.dim()):
            cells, side = mask.shape[axis], x.shape[axis]
            if side < cells:
                # A cell is visible if one under it is.
                mask = mask.unflatten(axis, (side, cells // side)).amax(axis + 1)
            else:
                mask = mask.repeat_interleave(side // cells, axis)
        return mask

    def cut(self, x):
        return x if self.visible is None else x * self.like(x).to(x.dtype)

    def over_visible(self, x, normalise):
        """`normalise` of the visible cells `(cell, channel)`, zeros elsewhere."""
        if self.visible is None:
            return None
        cells = self.like(x).squeeze(1).bool().nonzero(as_tuple=True)
        inward = x.movedim(1, -1)
        out = torch.zeros_like(inward)
        out[cells] = normalise(inward[cells]).to(out.dtype)
        return out.movedim(-1, 1)


def sparsify(module, mask):
    """Gives every layer below `module` its sparse forward pass; parameters and names stay."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool2d)):
            layer.register_forward_hook(lambda _, __, output: mask.cut(output))
        elif isinstance(layer, ConvNeXtBlock):
            # Its branch ends with a linear layer, whose bias would leak.
            layer.register_forward_hook(lambda _, __, output: mask.cut(output))
        elif isinstance(layer, (nn.BatchNorm2d, nn.BatchNorm3d)):
            _override(layer, mask, lambda layer, cells: F.batch_norm(
                cells, layer.running_mean, layer.running_var, layer.weight, layer.bias, layer.training, layer.momentum, layer.eps
            ))  # fmt: skip
        elif isinstance(layer, nn.LayerNorm) and layer.weight.dim() == 1:
            _override(layer, mask, lambda layer, cells: F.layer_norm(
                cells, layer.normalized_shape, layer.weight, layer.bias, layer.eps
            ))  # fmt: skip
        elif isinstance(layer, nn.GroupNorm):
            _override_group_norm(layer, mask)
    return module


def _override(layer, mask, normalise):
    dense = layer.forward

    def forward(self, x):
        # timm's ConvNeXt normalises with channels last inside its blocks.
        last = x.dim() == 4 and isinstance(self, nn.LayerNorm) and x.shape[1] != self.weight.shape[0]
        x = x.movedim(-1, 1) if last else x
        y = mask.over_visible(x, lambda cells: normalise(self, cells))
        y = dense(x.movedim(1, -1) if last else x) if y is None else (y.movedim(1, -1) if last else y)
        return y

    layer.forward = types.MethodType(forward, layer)


def _override_group_norm(layer, mask):
    dense = layer.forward

    def forward(self, x):
        if mask.visible is None:
            return dense(x)
        seen = mask.like(x).bool()
        rows = []
        for sample, visible in zip(x, seen):
            # (1, channel, cell): its visible cells are all that a sample has.
            cells = sample[:, visible[0]].unsqueeze(0)
            normed = F.group_norm(cells, self.num_groups, self.weight, self.bias, self.eps)[0]
            out = torch.zeros_like(sample)
            out[:, visible[0]] = normed
            rows.append(out)
        return torch.stack(rows)

    layer.forward = types.MethodType(forward, layer)


class Small(nn.Module):
    """The light residual network: a 3-wide stem of stride 2, four stages of one block."""

    def __init__(self, in_channels, widths):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, widths[0], 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        source = widths[0]
        for k, width in enumerate(widths):
            stride = 2 if k else 1
            downsample = None
            if stride > 1 or source != width:
                downsample = nn.Sequential(nn.Conv2d(source, width, 1, stride, bias=False), nn.BatchNorm2d(width))
            setattr(self, f"layer{k + 1}", nn.Sequential(BasicBlock(source, width, stride, downsample)))
            source = width

    def maps(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        maps = []
        for k in range(4):
            x = getattr(self, f"layer{k + 1}")(x)
            maps.append(x)
        return maps


class VNet(nn.Module):
    """The V-Net's encoder; `norm` makes a layer of so many channels."""

    def __init__(self, in_channels, name, norm):
        super().__init__()
        widths = [16, 32, 64, 128, 256]

        def unit(source, target, kernel, stride):
            conv = nn.Conv3d(source, target, kernel, stride, 1 if kernel == 3 else 0)
            return nn.ModuleDict({"conv": conv, name: norm(target)})

        self.encoder = nn.ModuleList()
        for k, count in enumerate([1, 2, 3, 3, 3]):
            level = nn.ModuleDict()
            source = in_channels
            if k:
                level["down"] = unit(widths[k - 1], widths[k], 2, 2)
                source = widths[k]
            level["block"] = nn.ModuleList()
            for _ in range(count):
                level["block"].append(unit(source, widths[k], 3, 1))
                source = widths[k]
            self.encoder.append(level)

    def maps(self, x):
        maps = []
        for level in self.encoder:
            for unit in ([level["down"]] if "down" in level else []) + list(level["block"]):
                for layer in unit.values():
                    x = layer(x)
                x = F.relu(x)
            maps.append(x)
        # The decoder has no block at full resolution.
        return maps[1:]


class Timm(nn.Module):
    """timm's network under SparK's names."""

    def __new__(cls, name, in_channels, drop_path=0.0):
        network = timm.create_model(name, num_classes=0, in_chans=in_channels, drop_path_rate=drop_path)
        if isinstance(network, ConvNeXt):
            network.head.norm = nn.Identity()
            network.maps = types.MethodType(_convnext_maps, network)
        else:
            network.maps = types.MethodType(_resnet_maps, network)
        return network


def _resnet_maps(self, x):
    x = self.maxpool(self.act1(self.bn1(self.conv1(x))))
    maps = []
    for layer in [self.layer1, self.layer2, self.layer3, self.layer4]:
        x = layer(x)
        maps.append(x)
    return maps


def _convnext_maps(self, x):
    x = self.stem(x)
    maps = []
    for stage in self.stages:
        x = stage(x)
        maps.append(x)
    return maps


class Decoder(nn.Module):
    def __init__(self, dimensions, width, levels, out_channels):
        super().__init__()
        up = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[dimensions]
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[dimensions]
        norm = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[dimensions]
        self.dec = nn.ModuleList()
        for k in range(levels):
            c = width >> k
            block = nn.Module()
            block.up_sample = up(c, c, 4, 2, 1)
            block.conv = nn.Sequential(
                conv(c, c, 3, 1, 1, bias=False), norm(c), nn.ReLU6(inplace=True), conv(c, c // 2, 3, 1, 1, bias=False), norm(c // 2)
            )
            self.dec.append(block)
        self.proj = conv(width >> levels, out_channels, 1)

    def forward(self, maps):
        x = 0
        for k, block in enumerate(self.dec):
            x = x + maps[k] if k < len(maps) else x
            x = block.conv(block.up_sample(x))
        return self.proj(x)


class Spark(nn.Module):
    def __init__(self, encoder, widths, norm, dimensions, decoder_width, patch, in_channels):
        super().__init__()
        self.mask = Mask()
        self.patch = patch
        self.sparse_encoder = nn.Module()
        self.sparse_encoder.sp_cnn = sparsify(encoder, self.mask)
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[dimensions]
        self.mask_tokens = nn.ParameterList()
        self.densify_norms, self.densify_projs = nn.ModuleList(), nn.ModuleList()
        for k, c in enumerate(reversed(widths)):
            self.mask_tokens.append(nn.Parameter(torch.randn(1, c, *[1] * dimensions) * 0.02))
            self.densify_norms.append(sparsify(norm(c), self.mask))
            to, kernel = decoder_width >> k, 3 if k else 1
            self.densify_projs.append(nn.Identity() if k == 0 and to == c else conv(c, to, kernel, 1, kernel // 2))
        self.dense_decoder = Decoder(dimensions, decoder_width, patch.bit_length() - 1, in_channels)

    def forward(self, x, visible):
        self.mask.visible = visible
        maps = self.sparse_encoder.sp_cnn.maps(self.mask.cut(x))
        dense = []
        for k, x in enumerate(reversed(maps)):
            x = self.densify_norms[k](x)
            if visible is not None:
                x = torch.where(self.mask.like(x).bool(), x, self.mask_tokens[k])
            dense.append(self.densify_projs[k](x))
        return self.dense_decoder(dense)


def patchify(x, p):
    b, c, *sides = x.shape
    cut = x.reshape(b, c, *[n for side in sides for n in (side // p, p)])
    d = len(sides)
    return cut.permute(0, *[2 + 2 * k for k in range(d)], *[3 + 2 * k for k in range(d)], 1).reshape(b, -1, p**d * c)


def loss_of(predicted, x, hidden, p):
    """SparK's: over hidden patches, normalised by their unbiased variance."""
    target = patchify(x, p)
    mean, var = target.mean(-1, keepdim=True), target.var(-1, keepdim=True)
    error = (patchify(predicted, p) - (target - mean) / (var + 1e-6).sqrt()).square().mean(-1)
    hidden = hidden.flatten(1).to(error.dtype)
    return (error * hidden).sum() / (hidden.sum() + 1e-8)


def our_name(name):
    """What a parameter of this network is called in scarce."""
    for theirs, ours in [("sparse_encoder.sp_cnn.", "encoder."), ("dense_decoder.", "decoder.")]:
        if name.startswith(theirs):
            return ours + name[len(theirs) :]
    kind, level, *rest = name.split(".")
    layer = {"mask_tokens": "token", "densify_norms": "norm", "densify_projs": "projection"}[kind]
    return ".".join(["densify", level, layer, *rest])


def spark(name, in_channels=3, decoder_width=768):
    """The network that pre-trains timm's `name`."""
    encoder = Timm(name, in_channels)
    if "convnext" in name:
        from timm.layers import LayerNorm2d

        return Spark(encoder, [f["num_chs"] for f in encoder.feature_info], LayerNorm2d, 2, decoder_width, 32, in_channels)
    widths = [f["num_chs"] for f in encoder.feature_info][-4:]
    return Spark(encoder, widths, nn.BatchNorm2d, 2, decoder_width, 32, in_channels)


def spark_small(in_channels, widths, decoder_width):
    return Spark(Small(in_channels, widths), widths, nn.BatchNorm2d, 2, decoder_width, 16, in_channels)


def spark_vnet(in_channels, decoder_width, instance):
    name, norm = ("in", lambda c: nn.GroupNorm(c, c)) if instance else ("bn", nn.BatchNorm3d)
    return Spark(VNet(in_channels, name, norm), [32, 64, 128, 256], norm, 3, decoder_width, 16, in_channels)
