"""Log-mel features as Whisper computes them, from batches of samples."""

import math

import torch
from torch import Tensor

from export.training.engines import RATE

HOP_SAMPLES = 160
FRAME_SAMPLES = 2 * HOP_SAMPLES  # the encoder halves the rate
MELS = 80
_WINDOW_SAMPLES = 400


def mel_filters(warp: float = 1.0) -> Tensor:
    """Slaney's filter bank; a warp moves the centres, as a shorter or longer vocal tract would."""
    bins = torch.linspace(0, RATE / 2, _WINDOW_SAMPLES // 2 + 1, dtype=torch.float64)
    top = 15 + math.log(RATE / 2 / 1000) * 27 / math.log(6.4)
    points = torch.linspace(0, top, MELS + 2, dtype=torch.float64)
    hertz = torch.where(points < 15, points * 200 / 3, 1000 * torch.exp((points - 15) * math.log(6.4) / 27))
    low, middle, high = (hertz[start : MELS + start, None] for start in range(3))
    scale = 2 / (high - low) / warp
    low, middle, high = low * warp, middle * warp, high * warp
    weights = torch.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clamp(min=0)
    return (weights * scale).float()


def power(samples: Tensor) -> Tensor:
    """The power spectrum of each frame."""
    window = torch.hann_window(_WINDOW_SAMPLES)
    spectrum = torch.stft(samples, _WINDOW_SAMPLES, HOP_SAMPLES, window=window, return_complex=True)
    return spectrum[..., :-1].abs().square()


def log_mel(spectrum: Tensor, filters: Tensor) -> Tensor:
    mel = (filters @ spectrum).clamp(min=1e-10).log10()
    mel = torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8)
    return (mel + 4) / 4
