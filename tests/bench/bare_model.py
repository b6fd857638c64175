"""The reference of speed: the same graph, the same windows, one thread of ONNX Runtime and nothing around it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.calibration.voices import SAMPLE_RATE, Samples
from export.graphs.runtime import Inputs, Runner
from export.graphs.vad import CONTEXT_SAMPLES, STATE_SIZE, WINDOW_SAMPLES
from export.publishing.publication import versions

CHUNK_SECONDS = 0.1
OUTPUTS = ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE")
_PADDED_WINDOWS = (1, 4)  # as the gateway pads the windows that a chunk of 20 or 100 ms completes
Array = NDArray[Any]
Answers = Callable[[Inputs], tuple[Array, Array]]  # what a stream carries into its next call: context and state


class BareModel:
    """The voice activity model's newest version."""

    def __init__(self, repository: Path) -> None:
        self._runner = Runner(versions(repository / "vad")[-1].model_path)

    def answer(self, inputs: Inputs) -> tuple[Array, Array]:
        outputs = self._runner.run(inputs, *OUTPUTS)
        return outputs["NEXT_CONTEXT"], outputs["NEXT_STATE"]

    def seconds_per_stream_second(self, tracks: Sequence[Samples]) -> float:
        """Processor time when so many streams are answered together, chunk by chunk: one track means one by one."""
        started = time.process_time()
        stream_seconds = in_step(tracks, self.answer)
        return (time.process_time() - started) / stream_seconds


def in_step(tracks: Sequence[Samples], answer: Answers, chunk_seconds: float = CHUNK_SECONDS) -> float:
    """All streams' chunks at once, one after the other; returns how many stream-seconds that was."""
    context = np.zeros((len(tracks), CONTEXT_SAMPLES), np.float32)
    state = np.zeros((len(tracks), 2, STATE_SIZE), np.float32)
    audio, chunk_samples = np.stack(tracks), round(chunk_seconds * SAMPLE_RATE)
    chunks = audio.shape[1] // chunk_samples
    done = 0
    for chunk in range(1, chunks + 1):
        upto = chunk * chunk_samples // WINDOW_SAMPLES
        if upto > done:
            windows = audio[:, done * WINDOW_SAMPLES : upto * WINDOW_SAMPLES]
            context, state = answer(_inputs(windows, context, state))
        done = upto
    return len(tracks) * chunks * chunk_samples / SAMPLE_RATE


def _inputs(windows: Samples, context: Array, state: Array) -> Inputs:
    rows, length = windows.shape
    count = length // WINDOW_SAMPLES
    padded = next(size for size in _PADDED_WINDOWS if size >= count)
    return {
        "AUDIO": np.pad(windows, ((0, 0), (0, padded * WINDOW_SAMPLES - length))),
        "WINDOWS": np.full((rows, 1), count, np.int32),
        "CONTEXT": context,
        "STATE": state,
    }
