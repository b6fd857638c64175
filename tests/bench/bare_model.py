"""The reference of speed: the same graph, the same windows, one thread of ONNX Runtime and nothing around it."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.calibration.voices import SAMPLE_RATE, Samples
from export.graphs.runtime import Inputs, Runner
from export.graphs.vad import CONTEXT_SAMPLES, STATE_SIZE, WINDOW_SAMPLES

_PADDED_WINDOWS = 4  # as the gateway pads the 3 or 4 windows that a chunk of 100 ms completes
_CHUNK_SAMPLES = SAMPLE_RATE // 10
Array = NDArray[Any]
_OUTPUTS = ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE")


class BareModel:
    """The voice activity model's newest version."""

    def __init__(self, repository: Path) -> None:
        versions = [int(folder.name) for folder in (repository / "vad").glob("[0-9]*")]
        self._runner = Runner(repository / "vad" / str(max(versions)) / "model.onnx")

    def seconds_per_stream_second(self, tracks: Sequence[Samples]) -> float:
        """Processor time when so many streams are answered together, chunk by chunk: one track means one by one."""
        context = np.zeros((len(tracks), CONTEXT_SAMPLES), np.float32)
        state = np.zeros((len(tracks), 2, STATE_SIZE), np.float32)
        audio = np.stack(tracks)
        chunks = audio.shape[1] // _CHUNK_SAMPLES
        done = 0
        started = time.process_time()
        for chunk in range(1, chunks + 1):
            upto = chunk * _CHUNK_SAMPLES // WINDOW_SAMPLES
            context, state = self._run(audio[:, done * WINDOW_SAMPLES : upto * WINDOW_SAMPLES], context, state)
            done = upto
        return (time.process_time() - started) / (len(tracks) * chunks * _CHUNK_SAMPLES / SAMPLE_RATE)

    def _run(self, windows: Samples, context: Array, state: Array) -> tuple[Array, Array]:
        rows, length = windows.shape
        inputs: Inputs = {
            "AUDIO": np.pad(windows, ((0, 0), (0, _PADDED_WINDOWS * WINDOW_SAMPLES - length))),
            "WINDOWS": np.full((rows, 1), length // WINDOW_SAMPLES, np.int32),
            "CONTEXT": context,
            "STATE": state,
        }
        outputs = self._runner.run(inputs, *_OUTPUTS)
        return outputs["NEXT_CONTEXT"], outputs["NEXT_STATE"]
