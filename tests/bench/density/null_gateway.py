"""`python -m tests.bench.density.null_gateway`: the gateway in front of models that take no time and hear only silence.

All of its own work is done, up to the arrays that would go to Triton and from those that would come back.
"""

import json
import sys
from unittest import mock

import numpy as np

from frontend.__main__ import main
from frontend.speech import ASR, CONTEXT_SAMPLES, VAD, WINDOW_SAMPLES
from frontend.triton.client import Inference, TritonClient
from frontend.triton.tensors import Arrays

_NUMBERS = ("LANGUAGE_PROBABILITY", "NO_SPEECH_PROBABILITY", "AVERAGE_LOG_PROBABILITY", "COMPRESSION_RATIO")


class NullTriton(TritonClient):
    async def attempt(self, inference: Inference, timeout_seconds: float) -> Arrays:
        return _ANSWERS[inference.model.name](inference.inputs["AUDIO"].shape)


def _silence(shape: tuple[int, ...]) -> Arrays:
    rows, samples = shape
    return {
        "PROBABILITY": np.zeros((rows, samples // WINDOW_SAMPLES), np.float32),
        "NEXT_CONTEXT": np.zeros((rows, CONTEXT_SAMPLES), np.float32),
        "NEXT_STATE": np.zeros((rows, 2, 128), np.float32),
        "MANIFEST": _manifest(VAD.name),
    }


def _no_words(shape: tuple[int, ...]) -> Arrays:
    return {
        **{name: np.zeros((1, 0), np.float32) for name in ("START", "END", "CONFIDENCE")},
        **{name: np.zeros((1, 1), np.float32) for name in _NUMBERS},
        "WORD": np.zeros((1, 0), object),
        "SEGMENT": np.zeros((1, 0), np.int32),
        "LANGUAGE": np.array([[b"en"]], object),
        "TRUNCATED": np.zeros((1, 1), bool),
        "MANIFEST": _manifest(ASR.name),
    }


def _manifest(model: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.object_]]":
    content = {"model": model, "identity": "00" * 16, "languages": ["en"], "tasks": ["transcribe"]}
    return np.array([[json.dumps(content).encode()]], object)


_ANSWERS = {VAD.name: _silence, ASR.name: _no_words}


if __name__ == "__main__":
    with mock.patch("frontend.app.TritonClient", NullTriton):
        sys.exit(main())
