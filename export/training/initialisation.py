"""The weights a training starts from: attention begins local, which finds the alignment sooner."""

import math

import torch
from torch import nn

from export.training.model import Attention, Recogniser

_LONGEST_PERIOD = 10000


def _rates(width: int) -> torch.Tensor:
    return torch.exp(-math.log(_LONGEST_PERIOD) / (width // 2 - 1) * torch.arange(width // 2).float())


def sinusoids(length: int, width: int) -> torch.Tensor:
    """Whisper's encoder positions."""
    angles = torch.arange(length).float()[:, None] * _rates(width)
    return torch.cat([angles.sin(), angles.cos()], 1)


@torch.no_grad()
def _make_local(attention: Attention, width: int, spread: float) -> None:
    """Query and key read the positions so that each head looks at its own offset from where it is."""
    half, size = width // 2, width // attention.heads
    pairs, rates = size // 2, _rates(width)
    chosen = torch.linspace(0, half * 0.55, pairs).long()  # the quicker frequencies
    query, key = attention.q_proj.weight.mul_(0.3), attention.k_proj.weight.mul_(0.3)
    for head in range(attention.heads):
        sine = head * size + torch.arange(pairs)
        cosine = sine + pairs
        angle = rates[chosen] * (head - (attention.heads - 1) / 2) * spread
        query[sine, chosen] += 1
        query[cosine, half + chosen] += 1
        key[sine, chosen] += angle.cos()
        key[sine, half + chosen] -= angle.sin()
        key[cosine, chosen] += angle.sin()
        key[cosine, half + chosen] += angle.cos()


@torch.no_grad()
def initialise(model: Recogniser) -> Recogniser:
    """Random weights as Whisper's, with sinusoids and local attention in the encoder."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear | nn.Conv1d) and module.bias is not None:
            nn.init.zeros_(module.bias)
    encoder, width = model.encoder, model.shape.width
    encoder.embed_positions.weight.copy_(sinusoids(model.shape.source_positions, width))
    for depth, layer in enumerate(encoder.layers):
        _make_local(layer.self_attn, width, 2 + depth)
    return model


@torch.no_grad()
def deepened(small: Recogniser, deep: Recogniser) -> Recogniser:
    """A model that says what the small one says: its decoder's layers come first in each pair, the others add nothing.

    They learn to add something; their keys and values are there from the start.
    """
    step = deep.shape.decoder_layers // small.shape.decoder_layers
    known = small.state_dict()
    weights = deep.state_dict()
    for name, target in weights.items():
        prefix, layers, rest = name.partition("decoder.layers.")
        if not layers:
            target.copy_(known[name])
            continue
        depth, _, parameter = rest.partition(".")
        if int(depth) % step == 0:
            target.copy_(known[f"{prefix}{layers}{int(depth) // step}.{parameter}"])
        elif parameter.partition(".")[0] == "fc2" or "out_proj" in parameter:
            target.zero_()
    return deep
