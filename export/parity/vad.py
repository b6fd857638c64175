"""The batched VAD against the published model called window by window, as its own package calls it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.runtime import Runner
from export.graphs.vad import CONTEXT_SAMPLES, STATE_SIZE, WINDOW_SAMPLES

ORIGINAL_FILE = "silero_vad.onnx"
# Windows of each row of a batch: alone, many, equal, and mixed with the shortest beside the longest.
CASES = ((1,), (37,), (9,) * 16, (1, 64, 2, 33, 64))
Array = NDArray[Any]


@dataclass(frozen=True)
class Track:
    """What a model said about one row: its probabilities, and what it would carry into the next call."""

    probability: Array
    context: Array
    state: Array

    def distance(self, other: "Track") -> float:
        """The largest difference in what the model says and in what it goes on with.

        A cell, the second half of the state, grows to tens, where the published model itself is 1e-5 away from exact
        arithmetic. It acts through its tanh, so that is compared; `cell_distance` tells the rest.
        """
        pairs = (
            (self.probability, other.probability),
            (self.context, other.context),
            (self.state[0], other.state[0]),
            (np.tanh(self.state[1]), np.tanh(other.state[1])),
        )
        return max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)

    def cell_distance(self, other: "Track") -> float:
        return float(np.abs(self.state[1] - other.state[1]).max())


def measure(model: bytes, source: Path) -> dict[str, float]:
    """The largest difference over whole calls, calls cut in three, and rows of mixed length in one batch."""
    ours, original = Runner(model), Runner(source.with_name(ORIGINAL_FILE))
    random = np.random.default_rng(1)
    worst, worst_cell, lowest, highest = 0.0, 0.0, 1.0, 0.0
    for counts in CASES:
        audio = speechlike(random, (len(counts), max(counts)))
        expected = [original_track(original, row[: n * WINDOW_SAMPLES]) for row, n in zip(audio, counts, strict=True)]
        for pieces in (1, 3):
            found = batched_tracks(ours, audio, counts, pieces)
            pairs = list(zip(found, expected, strict=True))
            worst = max([worst, *(ours.distance(theirs) for ours, theirs in pairs)])
            worst_cell = max([worst_cell, *(ours.cell_distance(theirs) for ours, theirs in pairs)])
        lowest = min([lowest, *(float(track.probability.min()) for track in expected)])
        highest = max([highest, *(float(track.probability.max()) for track in expected)])
    return {
        "max_difference": worst,
        "max_cell_difference": worst_cell,
        "lowest_probability": lowest,
        "highest_probability": highest,
    }


def speechlike(random: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Noise and a voiced hum whose loudness changes with each window: INT16 [rows, windows * 512]."""
    seconds = np.arange(shape[1] * WINDOW_SAMPLES) / 16_000
    loudness = np.repeat(random.uniform(0, 0.3, shape), WINDOW_SAMPLES, axis=1)
    hum = sum(np.sin(2 * np.pi * 140 * k * seconds) / k for k in range(1, 12)) * np.sin(2 * np.pi * 3 * seconds)
    samples = loudness * (random.standard_normal(loudness.shape) * 0.1 + hum)
    return np.asarray(np.clip(samples, -1, 1) * 32767, np.int16)


def original_track(original: Runner, samples: Array) -> Track:
    context, state = np.zeros((1, CONTEXT_SAMPLES), np.float32), np.zeros((2, 1, STATE_SIZE), np.float32)
    probabilities = []
    for window in samples.reshape(-1, 1, WINDOW_SAMPLES).astype(np.float32) / 32768:
        inputs = {"input": np.concatenate([context, window], 1), "state": state, "sr": np.array(16_000, np.int64)}
        found = original.run(inputs, "output", "stateN")
        context, state = window[:, -CONTEXT_SAMPLES:], found["stateN"]
        probabilities.append(found["output"][0, 0])
    return Track(np.array(probabilities), context[0], state[:, 0])


def batched_tracks(model: Runner, audio: Array, counts: tuple[int, ...], pieces: int) -> list[Track]:
    """All rows in `pieces` calls; a row without windows left rides along and its results are not used."""
    rows, step = len(counts), -(-max(counts) // pieces)
    context, state = np.zeros((rows, CONTEXT_SAMPLES), np.float32), np.zeros((rows, 2, STATE_SIZE), np.float32)
    probability: list[list[Array]] = [[] for _ in counts]
    for start in range(0, max(counts), step):
        remaining = np.clip(np.array(counts) - start, 0, step)
        part = audio[:, start * WINDOW_SAMPLES : (start + step) * WINDOW_SAMPLES]
        inputs = {"AUDIO": part, "WINDOWS": remaining.astype(np.int32)[:, None], "CONTEXT": context, "STATE": state}
        found = model.run(inputs, "PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE")
        alive = remaining > 0
        context[alive], state[alive] = found["NEXT_CONTEXT"][alive], found["NEXT_STATE"][alive]
        for row in np.flatnonzero(alive):
            probability[row].append(found["PROBABILITY"][row, : remaining[row]])
    return [Track(np.concatenate(probability[row]), context[row], state[row]) for row in range(rows)]
