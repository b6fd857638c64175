"""The speaker graph against the float64 reference: alone, in batches of mixed length, at the edges of its windows."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.runtime import Inputs, Runner
from export.graphs.speaker_embedding import LEAST_COVERED_SAMPLES, SAMPLE_RATE, STEP_SAMPLES, WINDOW_SAMPLES, load
from export.parity.speaker_reference import embed

# Less than a window, exactly one, and each side of where a window more is begun and of where its audio suffices.
LENGTHS = (
    8_000,
    WINDOW_SAMPLES,
    STEP_SAMPLES + LEAST_COVERED_SAMPLES - 1,
    STEP_SAMPLES + LEAST_COVERED_SAMPLES,
    WINDOW_SAMPLES + STEP_SAMPLES,
    80_000,
)
LOUDNESS = (0.5, 0.001, 0.05, 0.05, 0.2, 0.01)


def measure(model: bytes, source: Path) -> dict[str, float]:
    """The largest difference of an element of an embedding, alone to the reference and batched to alone."""
    runner, weights = Runner(model), load(source)
    batch = np.zeros((len(LENGTHS), max(LENGTHS) + 4_000), np.int16)
    batch[:] = np.random.default_rng(2).integers(-9_000, 9_000, batch.shape)  # beyond LENGTH lies noise, not zeros
    for row, (length, loudness) in enumerate(zip(LENGTHS, LOUDNESS, strict=True)):
        batch[row, :length] = voicelike(length, 90 + 25 * row, loudness)
    together = embeddings(runner, batch, np.array(LENGTHS))
    to_reference = to_single = 0.0
    for row, length in enumerate(LENGTHS):
        alone = embeddings(runner, batch[row : row + 1, :length], np.array([length]))[0]
        to_reference = max(to_reference, float(np.abs(alone - embed(batch[row, :length], weights)).max()))
        to_single = max(to_single, float(np.abs(alone - together[row]).max()))
    return {"max_difference": max(to_reference, to_single), "batched_to_single": to_single}


def embeddings(runner: Runner, audio: NDArray[np.int16], lengths: NDArray[Any]) -> NDArray[np.float32]:
    inputs: Inputs = {"AUDIO": audio, "LENGTH": lengths.astype(np.int32)[:, None]}
    return runner.run(inputs, "EMBEDDING")["EMBEDDING"]


def voicelike(samples: int, pitch_hz: float, loudness: float) -> NDArray[np.int16]:
    """A buzz of moving pitch through two moving resonances, with some breath: enough like a voice to move the LSTM."""
    seconds = np.arange(samples) / SAMPLE_RATE
    random = np.random.default_rng(int(pitch_hz))
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * seconds))) / SAMPLE_RATE
    formant = 500 + 200 * np.sin(2 * np.pi * 1.3 * seconds)
    voice = sum(
        np.sin(k * phase)
        * (
            np.exp(-(((k * pitch_hz - formant) / 200) ** 2))
            + 0.2 * np.exp(-(((k * pitch_hz - 2 * formant) / 400) ** 2))
        )
        for k in range(1, 30)
    )
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * seconds)
    mixed = voice * syllables + 0.02 * random.standard_normal(samples)
    return np.asarray(mixed / np.abs(mixed).max() * loudness * 32767, np.int16)
