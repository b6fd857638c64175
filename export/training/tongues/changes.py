"""What happens to speech on its way to a recogniser, to whole batches at once on whatever device they are."""

import math

import torch
from torch import Tensor

RATE = 16_000
_NARROW_SHARE, _ROOM_SHARE, _NOISE_SHARE, _OTHERS_SHARE, _CLIPPED_SHARE = 0.35, 0.3, 0.6, 0.1, 0.05
_COLOURS = 5


def heard(sounds: Tensor, lengths: Tensor) -> Tensor:
    """Each row in a room, by a line, in noise or as it is; silence behind a row's end stays silence."""
    inside = torch.arange(sounds.shape[1], device=sounds.device) < lengths[:, None]
    level = ((sounds**2).sum(1, keepdim=True) / lengths[:, None]).sqrt().clamp(min=1e-4)
    sounds = sounds / level
    size = -(-(sounds.shape[1] + RATE // 3) // RATE) * RATE
    spectrum = torch.fft.rfft(sounds, size) * _tails(sounds, size)
    hertz = torch.fft.rfftfreq(size, 1 / RATE, device=sounds.device)
    changed = torch.fft.irfft(spectrum * _coloured(sounds, hertz), size)[:, : sounds.shape[1]]
    changed = changed / ((changed**2 * inside).sum(1, keepdim=True) / lengths[:, None]).sqrt().clamp(min=1e-4)
    changed = changed + _noise(sounds, hertz, size) + _others(changed)
    narrow = _happens(changed, _NARROW_SHARE)
    filtered = torch.fft.irfft(torch.fft.rfft(changed, size) * _band(sounds, hertz), size)[:, : sounds.shape[1]]
    changed = torch.where(narrow, filtered, changed)
    loud = torch.where(_happens(changed, _CLIPPED_SHARE), 0.5, 0.0) + _uniform(changed, 0.01, 0.15)
    return ((changed * loud).clamp(-1, 1) * inside).float()


def _uniform(like: Tensor, low: float, high: float) -> Tensor:
    """A number a row."""
    return torch.empty(like.shape[0], 1, device=like.device).uniform_(low, high)


def _happens(like: Tensor, share: float) -> Tensor:
    return _uniform(like, 0, 1) < share


def _tails(sounds: Tensor, size: int) -> Tensor:
    """Spectra of rooms: a direct sound and noise that dies away; nothing but the direct sound in others."""
    count = RATE // 3
    time = torch.arange(count, device=sounds.device)
    tail = torch.randn(len(sounds), count, device=sounds.device) * torch.exp(-time / _uniform(sounds, 150, 1200))
    tail = tail * _uniform(sounds, 0.02, 0.25) * _happens(sounds, _ROOM_SHARE)
    tail[:, 0] = 1
    return torch.fft.rfft(tail, size)


def _coloured(sounds: Tensor, hertz: Tensor) -> Tensor:
    """Smooth curves over pitch, some decibels up and down."""
    place = (hertz.clamp(min=60) / 60).log() / math.log(8000 / 60)
    curve = torch.zeros(len(sounds), len(hertz), device=sounds.device)
    for order in range(1, _COLOURS):
        curve += _uniform(sounds, -5, 5) / order**0.5 * torch.cos(math.pi * order * place)
    return torch.pow(10, curve / 20)


def _band(sounds: Tensor, hertz: Tensor) -> Tensor:
    """A telephone's: what is below and above it is gone."""
    low, high = _uniform(sounds, 100, 350), _uniform(sounds, 3000, 3950)
    return 1 / (1 + (low / hertz.clamp(min=1)) ** 6) / (1 + (hertz / high) ** 24)


def _noise(sounds: Tensor, hertz: Tensor, size: int) -> Tensor:
    """From white to brown, 5 to 40 dB below."""
    slope = _uniform(sounds, 0, 1)
    spectrum = torch.fft.rfft(torch.randn(len(sounds), size, device=sounds.device))
    shaped = torch.fft.irfft(spectrum * (hertz.clamp(min=50) / 1000) ** -slope, size)[:, : sounds.shape[1]]
    shaped = shaped / shaped.std(1, keepdim=True)
    return shaped * torch.pow(10, -_uniform(sounds, 5, 40) / 20) * _happens(sounds, _NOISE_SHARE)


def _others(sounds: Tensor) -> Tensor:
    """Somebody else of the batch, far below."""
    return sounds.roll(1, 0) * torch.pow(10, -_uniform(sounds, 12, 30) / 20) * _happens(sounds, _OTHERS_SHARE)
