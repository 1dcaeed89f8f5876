"""BiomedCLIP's two towers in plain PyTorch, under open_clip's names, and the reading of their weights.

Attention is written out, so that a gradient through it can be exported.
"""

import re

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head self-attention of timm's ViT."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(attend(q, k, v).transpose(1, 2).reshape(batch, tokens, width))


def attend(q, k, v, bias=None):
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    return (scores if bias is None else scores + bias).softmax(dim=-1) @ v


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width, heads, hidden, eps):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Vision(nn.Module):
    """timm's ViT with a linear head on the class token; `eps` is timm's."""

    def __init__(self, weights, heads, eps=1e-6):
        super().__init__()
        out, width = weights["head.proj.weight"].shape
        patch = weights["trunk.patch_embed.proj.weight"].shape[-1]
        hidden = weights["trunk.blocks.0.mlp.fc1.weight"].shape[0]
        depth = count(weights, r"trunk\.blocks\.(\d+)\.")
        self.trunk = nn.Module()
        self.trunk.cls_token = nn.Parameter(torch.empty_like(weights["trunk.cls_token"]))
        self.trunk.pos_embed = nn.Parameter(torch.empty_like(weights["trunk.pos_embed"]))
        self.trunk.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.trunk.blocks = nn.ModuleList(Block(width, heads or width // 64, hidden, eps) for _ in range(depth))
        self.trunk.norm = nn.LayerNorm(width, eps=eps)
        self.head = nn.ModuleDict({"proj": nn.Linear(width, out, bias=False)})
        self.load_state_dict(weights)
        self.tokens, self.width, self.out = weights["trunk.pos_embed"].shape[1], width, out
        self.side = patch * round((self.tokens - 1) ** 0.5)

    def prefix(self, pixel_values, layer):
        """Hidden states after block `layer`, counted from 0."""
        patches = self.trunk.patch_embed["proj"](pixel_values).flatten(2).transpose(1, 2)
        token = self.trunk.cls_token.expand(patches.shape[0], -1, -1)
        x = torch.cat([token, patches], dim=1) + self.trunk.pos_embed
        for block in self.trunk.blocks[: layer + 1]:
            x = block(x)
        return x

    def tail(self, hidden, layer):
        """Features of all tokens from the hidden states after block `layer`."""
        for block in self.trunk.blocks[layer + 1 :]:
            hidden = block(hidden)
        return self.head["proj"](self.trunk.norm(hidden))

    def forward(self, pixel_values):
        last = len(self.trunk.blocks) - 1
        features = self.tail(self.prefix(pixel_values, last), last)
        return features[:, 0], features[:, 1:]


class TextLayer(nn.Module):
    """A post-norm layer of BERT, under the names that `transformers` gives it."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        linear, norm = nn.Linear, lambda: nn.LayerNorm(width, eps=1e-12)
        self.heads = heads
        self.attention = nn.ModuleDict(
            {
                "self": nn.ModuleDict({name: linear(width, width) for name in ("query", "key", "value")}),
                "output": nn.ModuleDict({"dense": linear(width, width), "LayerNorm": norm()}),
            }
        )
        self.intermediate = nn.ModuleDict({"dense": linear(width, hidden)})
        self.output = nn.ModuleDict({"dense": linear(hidden, width), "LayerNorm": norm()})

    def forward(self, x, bias):
        batch, tokens, width = x.shape
        own = self.attention["self"]
        q, k, v = (
            own[name](x).view(batch, tokens, self.heads, -1).transpose(1, 2) for name in ("query", "key", "value")
        )
        mixed = attend(q, k, v, bias).transpose(1, 2).reshape(batch, tokens, width)
        out = self.attention["output"]
        x = out["LayerNorm"](x + out["dense"](mixed))
        mlp = self.output["dense"](F.gelu(self.intermediate["dense"](x)))
        return self.output["LayerNorm"](x + mlp)


class Text(nn.Module):
    """BERT with an MLP on the class token. Padding (id 0) is masked inside, as open_clip does."""

    def __init__(self, weights, heads):
        super().__init__()
        vocabulary, width = weights["transformer.embeddings.word_embeddings.weight"].shape
        positions = weights["transformer.embeddings.position_embeddings.weight"].shape[0]
        types = weights["transformer.embeddings.token_type_embeddings.weight"].shape[0]
        hidden = weights["transformer.encoder.layer.0.intermediate.dense.weight"].shape[0]
        depth = count(weights, r"transformer\.encoder\.layer\.(\d+)\.")
        self.transformer = nn.Module()
        self.transformer.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(vocabulary, width),
                "position_embeddings": nn.Embedding(positions, width),
                "token_type_embeddings": nn.Embedding(types, width),
                "LayerNorm": nn.LayerNorm(width, eps=1e-12),
            }
        )
        layers = (TextLayer(width, heads or width // 64, hidden) for _ in range(depth))
        self.transformer.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        between = weights["proj.0.weight"].shape[0]
        out = weights["proj.2.weight"].shape[0]
        self.proj = nn.Sequential(
            nn.Linear(width, between, bias=False), nn.GELU(), nn.Linear(between, out, bias=False)
        )
        self.load_state_dict(weights)
        self.positions, self.vocabulary, self.out = positions, vocabulary, out

    def forward(self, input_ids):
        embed = self.transformer.embeddings
        positions = embed["position_embeddings"].weight[: input_ids.shape[1]]
        kind = embed["token_type_embeddings"].weight[0]
        x = embed["LayerNorm"](embed["word_embeddings"](input_ids) + positions + kind)
        masked = torch.finfo(x.dtype).min
        bias = torch.where(input_ids == 0, masked, 0.0)[:, None, None, :]
        for layer in self.transformer.encoder["layer"]:
            x = layer(x, bias)
        return self.proj(x[:, 0])


def count(weights, pattern):
    return 1 + max(int(found[1]) for found in (re.match(pattern, name) for name in weights) if found)


# The other port's names as open_clip's; q, k and v are joined besides.
TO_OPEN_CLIP = [
    (r"vision_model\.embeddings\.class_embedding", r"visual.trunk.cls_token"),
    (r"vision_model\.embeddings\.position_embedding\.weight", r"visual.trunk.pos_embed"),
    (r"vision_model\.embeddings\.patch_embedding\.", r"visual.trunk.patch_embed.proj."),
    (r"vision_model\.encoder\.layers\.(\d+)\.self_attn\.out_proj\.", r"visual.trunk.blocks.\1.attn.proj."),
    (r"vision_model\.encoder\.layers\.(\d+)\.layer_norm(\d)\.", r"visual.trunk.blocks.\1.norm\2."),
    (r"vision_model\.encoder\.layers\.(\d+)\.", r"visual.trunk.blocks.\1."),
    (r"vision_model\.post_layernorm\.", r"visual.trunk.norm."),
    (r"visual_projection\.", r"visual.head.proj."),
    (r"text_model\.embeddings\.token_embedding\.", r"text.transformer.embeddings.word_embeddings."),
    (r"text_model\.embeddings\.position_embedding\.", r"text.transformer.embeddings.position_embeddings."),
    (r"text_model\.embeddings\.token_type_embedding\.", r"text.transformer.embeddings.token_type_embeddings."),
    (r"text_model\.embeddings\.layer_norm\.", r"text.transformer.embeddings.LayerNorm."),
    (r"text_model\.encoder\.layers\.(\d+)\.self_attn\.q_proj\.", r"text.transformer.encoder.layer.\1.attention.self.query."),
    (r"text_model\.encoder\.layers\.(\d+)\.self_attn\.k_proj\.", r"text.transformer.encoder.layer.\1.attention.self.key."),
    (r"text_model\.encoder\.layers\.(\d+)\.self_attn\.v_proj\.", r"text.transformer.encoder.layer.\1.attention.self.value."),
    (r"text_model\.encoder\.layers\.(\d+)\.self_attn\.out_proj\.", r"text.transformer.encoder.layer.\1.attention.output.dense."),
    (r"text_model\.encoder\.layers\.(\d+)\.layer_norm1\.", r"text.transformer.encoder.layer.\1.attention.output.LayerNorm."),
    (r"text_model\.encoder\.layers\.(\d+)\.mlp\.fc1\.", r"text.transformer.encoder.layer.\1.intermediate.dense."),
    (r"text_model\.encoder\.layers\.(\d+)\.mlp\.fc2\.", r"text.transformer.encoder.layer.\1.output.dense."),
    (r"text_model\.encoder\.layers\.(\d+)\.layer_norm2\.", r"text.transformer.encoder.layer.\1.output.LayerNorm."),
    (r"text_projection\.fc1\.", r"text.proj.0."),
    (r"text_projection\.fc2\.", r"text.proj.2."),
]
JOINED = re.compile(r"vision_model\.encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)")
# Kept in some files, and of no use here.
IGNORED = re.compile(r"(.*\.)?(position_ids|logit_scale|logit_bias)$|text\.transformer\.pooler\.")


def read_weights(path):
    """The weights of both towers, `(visual, text)`, under open_clip's names; nothing in the file is executed."""
    if str(path).endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    state = {re.sub(r"^(module\.|model\.)+", "", name): value.float() for name, value in state.items()}
    if any(name.startswith("vision_model.") for name in state):
        state = from_other_port(state)
    state = {name: value for name, value in state.items() if not IGNORED.match(name)}
    towers = [
        {name[len(tower) :]: value for name, value in state.items() if name.startswith(tower)}
        for tower in ("visual.", "text.")
    ]
    strange = [name for name in state if not name.startswith(("visual.", "text."))]
    if strange or not all(towers):
        raise SystemExit(f"no BiomedCLIP weights: expected visual.* and text.*, got {sorted(state)[:5]} ...: {path}")
    return towers


def from_other_port(state):
    joined = {}
    for name in [name for name in state if JOINED.match(name)]:
        parts = [state.pop(name.replace("q_proj", part)) for part in ("q_proj", "k_proj", "v_proj")]
        block, kind = JOINED.match(name).groups()
        joined[f"visual.trunk.blocks.{block}.attn.qkv.{kind}"] = torch.cat(parts)
    for name, value in state.items():
        for pattern, replacement in TO_OPEN_CLIP:
            new, found = re.subn("^" + pattern, replacement, name)
            if found:
                name = new
                break
        if name == "visual.trunk.cls_token":
            value = value.reshape(1, 1, -1)
        if name == "visual.trunk.pos_embed":
            value = value[None]
        joined[name] = value
    return joined
