"""What models say that take no time and hear only silence."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from frontend.speech import ASR, CONTEXT_SAMPLES, VAD, WINDOW_SAMPLES

SERVED = (VAD.name, ASR.name)

Tensors = Mapping[str, npt.NDArray[Any]]

_NUMBERS = ("LANGUAGE_PROBABILITY", "NO_SPEECH_PROBABILITY", "AVERAGE_LOG_PROBABILITY", "COMPRESSION_RATIO")


def outputs(model: str, audio_shape: tuple[int, ...]) -> Tensors:
    """All outputs of one call."""
    return {**_OUTPUTS[model](*audio_shape), "MANIFEST": _MANIFESTS[model]}


def _silence(rows: int, samples: int) -> Tensors:
    return {
        "PROBABILITY": np.zeros((rows, samples // WINDOW_SAMPLES), np.float32),
        "NEXT_CONTEXT": np.zeros((rows, CONTEXT_SAMPLES), np.float32),
        "NEXT_STATE": np.zeros((rows, 2, 128), np.float32),
    }


def _no_words(rows: int, samples: int) -> Tensors:
    return {
        **{name: np.zeros((rows, 0), np.float32) for name in ("START", "END", "CONFIDENCE")},
        **{name: np.zeros((rows, 1), np.float32) for name in _NUMBERS},
        "WORD": np.zeros((rows, 0), object),
        "SEGMENT": np.zeros((rows, 0), np.int32),
        "LANGUAGE": np.array([[b"en"]] * rows, object),
        "TRUNCATED": np.zeros((rows, 1), bool),
    }


def _manifest(model: str) -> npt.NDArray[Any]:
    content = {"model": model, "identity": "00" * 16, "languages": ["en"], "tasks": ["transcribe"]}
    return np.array([[json.dumps(content).encode()]], object)


_OUTPUTS: Mapping[str, Callable[[int, int], Tensors]] = {VAD.name: _silence, ASR.name: _no_words}
_MANIFESTS = {model: _manifest(model) for model in SERVED}
