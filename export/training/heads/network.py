"""The heads as they are trained; `plain` gives the arrays of export.heads.reference, everything linear folded in."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from export.heads.reference import LEAST_VARIANCE, WIDTH, Array

_TAPS = 5
_FAR_BELOW = -1e9


class _Start(nn.Module):
    """Frames made alike by their mean and deviation, then narrow."""

    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("deviation", torch.ones(WIDTH))
        self.linear, self.norm, self.drop = nn.Linear(WIDTH, width), nn.BatchNorm1d(width), drop

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        given = F.dropout((frames - self.mean) / self.deviation, self.drop, self.training)
        return F.relu(self.norm(self.linear(given).transpose(1, 2))) * mask[:, None]

    def plain(self, name: str) -> dict[str, Tensor]:
        scale, shift = _affine(self.norm)
        weight = self.linear.weight * scale[:, None] / self.deviation
        bias = self.linear.bias * scale + shift - weight @ self.mean
        return {f"{name}.weight": weight, f"{name}.bias": bias}


class _Convolution(nn.Module):
    """What is near in time, added."""

    def __init__(self, width: int, dilation: int, drop: float) -> None:
        super().__init__()
        self.inner = nn.Conv1d(width, width, _TAPS, padding=_TAPS // 2 * dilation, dilation=dilation)
        self.norm, self.drop = nn.BatchNorm1d(width), drop

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        near = F.relu(self.norm(self.inner(F.dropout(hidden, self.drop, self.training))))
        return (hidden + near) * mask[:, None]

    def plain(self, name: str) -> dict[str, Tensor]:
        scale, shift = _affine(self.norm)
        weight = self.inner.weight * scale[:, None, None]
        return {f"{name}.weight": weight, f"{name}.bias": self.inner.bias * scale + shift}


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias - norm.running_mean * scale


class LanguageHead(nn.Module):
    def __init__(self, classes: int, width: int = 64, known: int = 64, drop: float = 0.3) -> None:
        super().__init__()
        self.start = _Start(width, drop / 2)
        self.convolutions = nn.ModuleList([_Convolution(width, dilation, drop) for dilation in (1, 2)])
        self.attention = nn.Linear(width, 1, bias=False)
        self.hidden, self.output, self.drop = nn.Linear(2 * width, known), nn.Linear(known, classes), drop

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        hidden = self.start(frames, mask)
        for convolution in self.convolutions:
            hidden = convolution(hidden, mask)
        attention = self.attention(hidden.transpose(1, 2))[..., 0].masked_fill(mask == 0, _FAR_BELOW)
        shares = attention.softmax(1)[:, None]
        mean = (hidden * shares).sum(2)
        variance = ((hidden**2 * shares).sum(2) - mean**2).clamp(min=LEAST_VARIANCE)
        pooled = F.dropout(torch.cat([mean, variance.sqrt()], 1), self.drop, self.training)
        known = F.dropout(F.relu(self.hidden(pooled)), self.drop, self.training)
        result: Tensor = self.output(known)
        return result

    @torch.no_grad()
    def plain(self, name: str) -> dict[str, Array]:
        found = self.start.plain(f"{name}.input")
        for number, convolution in enumerate(self.convolutions):
            found |= convolution.plain(f"{name}.conv{number}")
        found |= {f"{name}.attention.weight": self.attention.weight[0]}
        found |= {f"{name}.hidden.weight": self.hidden.weight, f"{name}.hidden.bias": self.hidden.bias}
        found |= {f"{name}.output.weight": self.output.weight, f"{name}.output.bias": self.output.bias}
        return {key: value.numpy() for key, value in found.items()}


class SpeechHead(nn.Module):
    def __init__(self, width: int = 32, drop: float = 0.1) -> None:
        super().__init__()
        self.start, self.convolution = _Start(width, drop), _Convolution(width, 1, drop)
        self.output = nn.Linear(width, 1)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """How much each frame is speech; padding is none at all."""
        hidden = self.convolution(self.start(frames, mask), mask)
        logits: Tensor = self.output(hidden.transpose(1, 2))[..., 0]
        return logits.masked_fill(mask == 0, _FAR_BELOW)

    @torch.no_grad()
    def plain(self) -> dict[str, Array]:
        found = self.start.plain("speech.input") | self.convolution.plain("speech.conv")
        found |= {"speech.output.weight": self.output.weight[0], "speech.output.bias": self.output.bias}
        return {key: value.numpy() for key, value in found.items()}
