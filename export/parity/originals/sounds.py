"""Sounds that parity is measured on: the same on every machine, and neither silent nor alike."""

import numpy as np
from numpy.typing import NDArray

from export.publishing.asr_version import SAMPLE_RATE


def hum(seconds: float, seed: int) -> NDArray[np.int16]:
    """A voiced hum whose pitch and loudness wander, in noise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 120 + 30 * seed + 20 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    voice = sum(np.sin(phase * harmonic) / harmonic for harmonic in range(1, 16))
    loudness = 0.15 * (1 + np.sin(2 * np.pi * (2.1 + seed) * time)) + 0.01
    samples = loudness * voice + 0.01 * random.standard_normal(time.size)
    return np.asarray(np.clip(samples, -1, 1) * 32767, np.int16)


def padded(rows: list[NDArray[np.int16]], samples: int = 0) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """The rows as one batch with zeros behind each, and their lengths."""
    longest = max([samples, *(len(row) for row in rows)])
    audio = np.stack([np.pad(row, (0, longest - len(row))) for row in rows])
    return audio, np.array([[len(row)] for row in rows], np.int32)
