"""What one row of a request asks for, checked before any model runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .manifest import RATE, Manifest

Samples = npt.NDArray[np.int16]

# Shorter sounds hold no word, and the front end of a graph needs a few frames.
SHORTEST_SAMPLES = RATE // 10
# What is shorter is heard with silence behind it: of sounds that break off at once, which it was never taught, a model
# invents text.
HEARD_SAMPLES = RATE // 2
# Peak to peak, in 16-bit steps: digital silence, with or without an offset and dither.
SILENT_STEPS = 8


class RequestError(ValueError):
    """The client's fault. The text names the tensor and what it may hold."""


@dataclass(frozen=True)
class Wish:
    audio: Samples  # only what LENGTH says is real
    language: str = ""  # "": detect it
    task: str = "transcribe"
    prompt: str = ""
    prefix: tuple[str, ...] = ()
    hotwords: tuple[str, ...] = ()
    word_times: bool = True
    max_tokens: int = 0  # 0: what the model allows
    unspoken: bool = False  # voice activity or what hears languages was asked, and nobody speaks

    @property
    def seconds(self) -> float:
        return len(self.audio) / RATE

    @property
    def silent(self) -> bool:
        """Nothing was said: too short, no sound at all, or none of a voice."""
        short = len(self.audio) < SHORTEST_SAMPLES
        return self.unspoken or short or int(self.audio.max()) - int(self.audio.min()) <= SILENT_STEPS

    @property
    def audible(self) -> Samples:
        """What a graph is given: of silence a piece of the least length, with nothing in it."""
        if self.silent:
            return np.zeros(SHORTEST_SAMPLES, np.int16)
        return np.pad(self.audio, (0, max(0, HEARD_SAMPLES - len(self.audio))))


def read(inputs: Mapping[str, npt.NDArray[Any]]) -> list[Wish]:
    """The wishes of a request, one for each of its rows. An input that is absent has its neutral value."""
    audio, lengths = inputs["AUDIO"], inputs["LENGTH"].reshape(-1)
    return [_row({name: array[row] for name, array in inputs.items()}) for row in _rows(audio, lengths)]


def _rows(audio: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> range:
    if audio.ndim != 2 or len(lengths) != len(audio):
        raise RequestError(f"AUDIO has the shape {list(audio.shape)}, expected [rows, samples] and a LENGTH for each")
    return range(len(audio))


def _row(inputs: Mapping[str, npt.NDArray[Any]]) -> Wish:
    max_tokens = int(inputs["MAX_TOKENS"][0]) if "MAX_TOKENS" in inputs else 0
    if max_tokens < 0:
        raise RequestError(f"MAX_TOKENS is {max_tokens}, expected 0 (the model's own limit) or more")
    return Wish(
        audio=_real(inputs["AUDIO"], int(inputs["LENGTH"][0])),
        language=_text(inputs, "LANGUAGE"),
        task=_text(inputs, "TASK") or "transcribe",
        prompt=_text(inputs, "PROMPT").strip(),
        prefix=_texts(inputs, "PREFIX"),
        hotwords=_texts(inputs, "HOTWORDS"),
        word_times=bool(inputs["WORD_TIMES"][0]) if "WORD_TIMES" in inputs else True,
        max_tokens=max_tokens,
    )


def _real(audio: Samples, length: int) -> Samples:
    if not 0 <= length <= len(audio):
        raise RequestError(f"LENGTH is {length}, expected 0 to the {len(audio)} samples of AUDIO")
    return audio[:length]


def check(wish: Wish, manifest: Manifest) -> None:
    """Whether this engine can do it, whatever its family makes of it."""
    check_length(wish, manifest.max_samples)
    if wish.hotwords and not manifest.capabilities.hotwords:
        raise RequestError("HOTWORDS are not supported by this model (capabilities.hotwords of its manifest)")


def check_length(wish: Wish, max_samples: int) -> None:
    length, seconds = len(wish.audio), max_samples / RATE
    if length > max_samples:
        raise RequestError(f"LENGTH is {length} samples ({length / RATE:.1f} s), the model takes at most {seconds:g} s")


def _text(inputs: Mapping[str, npt.NDArray[Any]], name: str) -> str:
    found = _texts(inputs, name)
    return found[0] if found else ""


def _texts(inputs: Mapping[str, npt.NDArray[Any]], name: str) -> tuple[str, ...]:
    """The elements that are not empty: an empty string stands for an absent one."""
    if name not in inputs:
        return ()
    try:
        decoded = (element.decode() if isinstance(element, bytes) else str(element) for element in inputs[name].flat)
        return tuple(text for text in decoded if text.strip())
    except UnicodeDecodeError as error:
        raise RequestError(f"{name} is not UTF-8: {error}") from error
