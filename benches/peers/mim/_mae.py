"""MAE's network from timm's parts, of which only visible patches are tokens: sample by sample, so that none needs padding."""

import torch
from timm.models.vision_transformer import Block, VisionTransformer
from torch import nn


def positions(rows, columns, width):
    pace = 10000 ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    cells = [(x, y) for y in range(rows) for x in range(columns)]
    wave = lambda p: torch.cat([torch.sin(p * pace), torch.cos(p * pace)])
    return torch.stack([torch.cat([wave(x), wave(y)]) for x, y in cells])


class Mae(nn.Module):
    def __init__(self, width, heads, decoder_width, in_channels, side, patch=16):
        super().__init__()
        self.patch, self.side = patch, side
        vit = VisionTransformer(side, patch, in_channels, num_classes=0, embed_dim=width, depth=12, num_heads=heads, pos_embed="none")
        self.encoder = vit
        self.decoder = nn.Module()
        self.decoder.embed = nn.Linear(width, decoder_width)
        self.decoder.token = nn.Parameter(torch.zeros(1, decoder_width, 1, 1))
        norm = lambda: nn.LayerNorm(decoder_width, eps=1e-6)
        self.decoder.blocks = nn.ModuleList(
            Block(decoder_width, decoder_width // 32, qkv_bias=True, norm_layer=lambda _, **options: norm()) for _ in range(8)
        )
        self.decoder.norm = norm()
        self.decoder.pred = nn.Linear(decoder_width, patch * patch * in_channels)

    def forward(self, x, visible):
        """Patches `(batch, cell, value)`."""
        cells = self.side // self.patch
        tokens = self.encoder.patch_embed(x)
        tokens = tokens + positions(cells, cells, tokens.shape[-1]).to(tokens)
        predicted = []
        for sample, seen in zip(tokens, visible.flatten(1).bool()):
            y = torch.cat([self.encoder.cls_token[0], sample[seen]])[None]
            y = self.decoder.embed(self.encoder.norm(self.encoder.blocks(y)))[0]
            full = self.decoder.token.flatten().expand(len(seen), -1).clone()
            full[seen] = y[1:]
            full = full + positions(cells, cells, full.shape[-1]).to(full)
            z = torch.cat([y[:1], full])[None]
            for block in self.decoder.blocks:
                z = block(z)
            predicted.append(self.decoder.pred(self.decoder.norm(z[0, 1:])))
        return torch.stack(predicted)
