"""The speaker encoder once more, in float64 with plain numpy: what the graph is measured against.

Written after the original's own code and not after the graph: FFT instead of convolution, slices instead of gathers,
the LSTM by hand.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.mel import edges_hz

Array = NDArray[np.float64]
SAMPLE_RATE, FRAME, HOP, BANDS = 16_000, 400, 160, 40
TARGET_DBFS, PARTIAL_FRAMES, PARTIALS_PER_SECOND, LEAST_COVERAGE = -30, 160, 1.3, 0.75


def embed(samples: NDArray[np.int16], weights: dict[str, NDArray[Any]]) -> Array:
    """The embedding of one utterance that is not digital silence."""
    audio = raise_volume(samples.astype(np.float64) / 32768)
    slices = partial_slices(len(audio))
    end = slices[-1].stop * HOP
    mel = mel_spectrogram(np.pad(audio, (0, max(0, end - len(audio)))))
    partials = [embed_partial(mel[part], weights) for part in slices]
    mean = np.mean(partials, axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def raise_volume(audio: Array) -> Array:
    change_db = TARGET_DBFS - 20 * np.log10(np.sqrt(np.mean(audio**2)))
    return np.asarray(audio * 10 ** (max(change_db, 0) / 20))


def partial_slices(samples: int) -> list[slice]:
    """Which frames make each partial utterance; the last is dropped if audio covers too little of it."""
    frames = int(np.ceil((samples + 1) / HOP))
    step = round(SAMPLE_RATE / PARTIALS_PER_SECOND / HOP)
    starts = range(0, max(1, frames - PARTIAL_FRAMES + step + 1), step)
    slices = [slice(start, start + PARTIAL_FRAMES) for start in starts]
    coverage = (samples - slices[-1].start * HOP) / (PARTIAL_FRAMES * HOP)
    return slices[:-1] if coverage < LEAST_COVERAGE and len(slices) > 1 else slices


def mel_spectrogram(audio: Array) -> Array:
    centred = np.pad(audio, FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(centred, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME + 1)[:-1])) ** 2
    edges, bins = edges_hz(BANDS, SAMPLE_RATE), np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE)
    bank = [
        np.interp(bins, (low, peak, high), (0, 1, 0)) * 2 / (high - low)
        for low, peak, high in zip(edges, edges[1:], edges[2:], strict=False)
    ]
    return np.asarray(power @ np.array(bank).T)


def embed_partial(mel: Array, weights: dict[str, NDArray[Any]]) -> Array:
    sequence = mel
    for layer in range(3):
        sequence = lstm(sequence, {part: weights[f"lstm.{part}_l{layer}"].astype(np.float64) for part in LSTM_PARTS})
    raw = np.maximum(weights["linear.weight"].astype(np.float64) @ sequence[-1] + weights["linear.bias"], 0)
    return np.asarray(raw / np.linalg.norm(raw))


LSTM_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def lstm(sequence: Array, arrays: dict[str, Array]) -> Array:
    received = sequence @ arrays["weight_ih"].T + arrays["bias_ih"] + arrays["bias_hh"]
    hidden = cell = np.zeros(received.shape[1] // 4)
    outputs = []
    for step in received:
        into, forget, candidate, out = np.split(step + arrays["weight_hh"] @ hidden, 4)
        cell = sigmoid(forget) * cell + sigmoid(into) * np.tanh(candidate)
        hidden = sigmoid(out) * np.tanh(cell)
        outputs.append(hidden)
    return np.array(outputs)


def sigmoid(value: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(value / 2))
