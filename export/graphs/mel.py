"""The mel filters of the speaker encoder's front end: triangles of unit area on Slaney's scale, as in librosa."""

import numpy as np
from numpy.typing import NDArray

# Slaney's scale: linear up to 1 kHz, then each mel multiplies the frequency.
HZ_PER_MEL, LINEAR_UP_TO_HZ = 200 / 3, 1000.0
LOG_STEP = np.log(6.4) / 27


def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    corner = LINEAR_UP_TO_HZ / HZ_PER_MEL
    curved = LINEAR_UP_TO_HZ * np.exp(LOG_STEP * np.maximum(mel - corner, 0))
    return np.where(mel < corner, mel * HZ_PER_MEL, curved)


def edges_hz(bands: int, sample_rate: int) -> NDArray[np.float64]:
    """Lower edge, peak and upper edge of band k are items k, k + 1 and k + 2."""
    top = LINEAR_UP_TO_HZ / HZ_PER_MEL + np.log(sample_rate / 2 / LINEAR_UP_TO_HZ) / LOG_STEP
    return to_hz(np.linspace(0, top, bands + 2))


def filters(bands: int, window_samples: int, sample_rate: int) -> NDArray[np.float64]:
    """Weights of each bin of a spectrum in each band: [bands, window_samples // 2 + 1]."""
    edges = edges_hz(bands, sample_rate)
    bins = np.arange(window_samples // 2 + 1) * sample_rate / window_samples
    lower, peak, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - lower) / (peak - lower), (upper - bins) / (upper - peak))
    return np.asarray(np.maximum(triangles, 0) * 2 / (upper - lower))
