"""`python -m tests.bench.slow_triton PORT SECONDS`: Triton's gRPC, with models whose capacity is known.

Voice activity answers at once, and hears speech where it is loud. The recogniser takes so many seconds for each call,
one at a time, and hears one word from the beginning to the end: what it carries does not depend on the machine.
"""

import asyncio
import sys
from typing import Any

import numpy as np

from frontend.speech import ASR, RATE, WINDOW_SAMPLES
from tests.bench.density import null_models
from tests.bench.density.null_models import Tensors
from tests.bench.density.null_triton import serve, written

_LOUD = 1000


class SlowModels:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()

    async def infer(self, request: Any, context: Any) -> bytes:
        tensors = {
            tensor.name: (tuple(tensor.shape), raw)
            for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        shape, audio = tensors["AUDIO"]
        if request.model_name == ASR.name:
            async with self._turn:
                await asyncio.sleep(self._seconds)
            values = {
                **null_models.outputs(ASR.name, shape),
                **_one_word(np.frombuffer(tensors["LENGTH"][1], np.int32)),
            }
        else:
            heard = np.abs(np.frombuffer(audio, np.int16).reshape(shape[0], -1, WINDOW_SAMPLES)).mean(axis=2)
            values = {
                **null_models.outputs(request.model_name, shape),
                "PROBABILITY": (heard > _LOUD).astype(np.float32),
            }
        return written(request.model_name, values, (tensor.name for tensor in request.outputs))


def _one_word(lengths: Any) -> Tensors:
    return {
        "WORD": np.array([[b"word"]], object),
        "START": np.zeros((1, 1), np.float32),
        "END": np.array([[int(lengths[0]) / RATE]], np.float32),
        "CONFIDENCE": np.full((1, 1), 0.9, np.float32),
        "SEGMENT": np.zeros((1, 1), np.int32),
    }


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), SlowModels(float(sys.argv[2])).infer))
