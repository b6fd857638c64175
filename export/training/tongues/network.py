"""Moonshine's encoder in PyTorch with a class for every frame, told the language: what is trained here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from export.graphs.moonshine.shape import KERNELS, STRIDES
from export.training.tongues.letters import CLASSES, LANGUAGES

WIDTH, INNER, HEADS, ROTATED, TURN_BASE = 288, 1152, 8, 32, 10_000.0
PUBLISHED_LAYERS = 6
HEAD_SIZE, _FAST_SIZE = WIDTH // HEADS, 40
Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Form:
    """Which of the published layers are kept as they are, and how many new ones follow them."""

    kept: int
    added: int
    dropout: float = 0.1


class Layer(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.input_layernorm = nn.LayerNorm(WIDTH, bias=False)
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
        self.post_attention_layernorm = nn.LayerNorm(WIDTH, bias=False)
        self.fc1, self.fc2 = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.dropout = nn.Dropout(dropout)

    def forward(self, value: Tensor, turns: tuple[Tensor, Tensor], shown: Tensor) -> Tensor:
        normed = self.input_layernorm(value)
        query, key, values = (_parted(part(normed)) for part in (self.q_proj, self.k_proj, self.v_proj))
        query, key = _turned(query, turns), _turned(key, turns)
        # Wide enough for the fast kernels; what is added is zero.
        wide = [F.pad(each, (0, _FAST_SIZE - HEAD_SIZE)) for each in (query, key, values)]
        mixed = F.scaled_dot_product_attention(*wide, attn_mask=shown[:, None, None], scale=HEAD_SIZE**-0.5)
        value = value + self.dropout(self.o_proj(mixed[..., :HEAD_SIZE].transpose(1, 2).flatten(2)))
        inner = self.dropout(F.gelu(self.fc1(self.post_attention_layernorm(value))))
        return value + self.dropout(self.fc2(inner))


class FrontEnd(nn.Module):
    """Three convolutions, and a norm between them over a row's own places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, WIDTH, KERNELS[0], STRIDES[0], bias=False)
        self.groupnorm = nn.GroupNorm(1, WIDTH)
        self.conv2 = nn.Conv1d(WIDTH, 2 * WIDTH, KERNELS[1], STRIDES[1])
        self.conv3 = nn.Conv1d(2 * WIDTH, WIDTH, KERNELS[2], STRIDES[2])

    def forward(self, sounds: Tensor, lengths: Tensor) -> Tensor:
        with torch.autocast(sounds.device.type, enabled=False):
            seen = sounds.unfold(1, KERNELS[0], STRIDES[0])
            value = torch.tanh(seen @ self.conv1.weight[:, 0].T)
            own = _inside(places(lengths, 1), value.shape[1])[..., None]
            count = own.sum((1, 2), keepdim=True) * WIDTH
            mean = (value * own).sum((1, 2), keepdim=True) / count
            squares = ((value - mean) ** 2 * own).sum((1, 2), keepdim=True)
            value = (value - mean) / (squares / count + self.groupnorm.eps).sqrt()
            value = value * self.groupnorm.weight + self.groupnorm.bias
        return F.gelu(self.conv3(F.gelu(self.conv2(value.transpose(1, 2))))).transpose(1, 2)


class Tongues(nn.Module):
    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        self.front = FrontEnd()
        self.layers = nn.ModuleList(Layer(form.dropout) for _ in range(PUBLISHED_LAYERS + form.added))
        self.layer_norm = nn.LayerNorm(WIDTH, bias=False)
        self.languages = nn.Embedding(len(LANGUAGES) + 1, WIDTH)
        self.output = nn.Linear(WIDTH, CLASSES)
        nn.init.zeros_(self.languages.weight)
        for layer in self.layers[PUBLISHED_LAYERS:]:  # a new layer begins as none
            nn.init.zeros_(layer.o_proj.weight)
            nn.init.zeros_(layer.fc2.weight)
        for module in (self.front, *self.layers[: form.kept]):
            module.requires_grad_(False)

    def forward(self, sounds: Tensor, lengths: Tensor, languages: Tensor, hide: bool = False) -> Tensor:
        """Logits [batch, frames, classes]; so many of a row's are its own as `frames` says."""
        counts = frames(lengths)
        with torch.no_grad():
            value = self.front(sounds, lengths)
            shown = _inside(counts, value.shape[1])
            turns = turning(value.shape[1], value.device)
            for layer in self.layers[: self.form.kept]:
                value = layer(value, turns, shown)
        value = _hidden(value) if hide else value
        value = value + self.languages(languages)[:, None]
        for layer in self.layers[self.form.kept :]:
            value = layer(value, turns, shown)
        return self.output(self.layer_norm(value)).float()

    def train(self, mode: bool = True) -> "Tongues":
        super().train(mode)
        for layer in self.layers[: self.form.kept]:
            layer.eval()
        return self

    def take(self, arrays: Arrays) -> None:
        """The published encoder's parameters, by Hugging Face's names."""
        own = self.state_dict()
        for name, array in arrays.items():
            own[_own_name(name)].copy_(torch.from_numpy(np.asarray(array, np.float32)))


def places(lengths: Tensor, convolutions: int) -> Tensor:
    for kernel, stride in zip(KERNELS[:convolutions], STRIDES[:convolutions], strict=True):
        lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
    return lengths


def frames(lengths: Tensor) -> Tensor:
    return places(lengths, len(STRIDES))


def turning(count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    rates = TURN_BASE ** -(torch.arange(0, ROTATED, 2, device=device) / ROTATED)
    angles = torch.arange(count, device=device)[:, None] * rates
    return angles.cos(), angles.sin()


def encoder_only(arrays: Arrays) -> dict[str, NDArray[np.float32]]:
    return {name: array for name, array in arrays.items() if name.startswith("model.encoder.")}


def _own_name(name: str) -> str:
    name = name.removeprefix("model.encoder.").replace("self_attn.", "").replace("mlp.", "")
    return f"front.{name}" if name.startswith(("conv", "groupnorm")) else name


def _inside(counts: Tensor, size: int) -> Tensor:
    return torch.arange(size, device=counts.device)[None] < counts[:, None]


def _parted(value: Tensor) -> Tensor:
    return value.unflatten(2, (HEADS, -1)).transpose(1, 2)


def _turned(value: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Neighbours are pairs; what is behind them stays."""
    cosine, sine = (turn.to(value.dtype) for turn in turns)
    even, odd = value[..., :ROTATED:2], value[..., 1:ROTATED:2]
    both = torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], -1).flatten(-2)
    return torch.cat([both, value[..., ROTATED:]], -1)


def _hidden(value: Tensor, spans: int = 3, longest: int = 12) -> Tensor:
    """A few short stretches of each row are not heard."""
    rows, count, _ = value.shape
    starts = torch.randint(0, max(1, count), (rows, spans, 1), device=value.device)
    lengths = torch.randint(0, longest + 1, (rows, spans, 1), device=value.device)
    steps = torch.arange(count, device=value.device)
    gone = ((steps >= starts) & (steps < starts + lengths) & (lengths * spans < count / 2)).any(1)
    return value.masked_fill(gone[..., None], 0.0)


def loss(logits: Tensor, counts: Tensor, texts: Sequence[Tensor]) -> Tensor:
    """CTC's, a letter; what cannot be written in its frames counts nothing.

    Lengths lie on the CPU, so that nothing waits for them.
    """
    sizes = torch.tensor([len(text) for text in texts])
    shares = logits.log_softmax(2).transpose(0, 1)
    said = torch.cat(list(texts)).to(logits.device, non_blocking=True)
    each = F.ctc_loss(shares, said, counts, sizes, reduction="none", zero_infinity=True)
    return each.sum() / max(1, int(sizes.sum()))


def scale_of(step: int, warm_steps: int, share: float) -> float:
    """Of the rates: up in a straight line of so many steps, down along a cosine by the share of time that is spent."""
    return min(1.0, (step + 1) / warm_steps) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
