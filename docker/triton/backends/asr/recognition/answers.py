"""The output tensors of the two models, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import prompt
from .families import recogniser
from .graph import Row, Tensors
from .manifest import Manifest, ManifestError
from .transcript import Transcript
from .vocabulary import Vocabulary
from .wish import Wish

Array = npt.NDArray[Any]

# The tensors with one element a word, and what fills rows up that have fewer words than others of the same request.
_OF_WORDS: Mapping[str, tuple[Any, Any, Callable[[Transcript], Sequence[Any] | Array]]] = {
    "WORD": (np.object_, "", lambda transcript: transcript.words),
    "START": (np.float32, 0.0, lambda transcript: transcript.starts),
    "END": (np.float32, 0.0, lambda transcript: transcript.ends),
    "CONFIDENCE": (np.float32, 0.0, lambda transcript: transcript.confidences),
    "SEGMENT": (np.int32, -1, lambda transcript: transcript.segments),
}
_OF_TRANSCRIPT: Mapping[str, tuple[Any, Callable[[Transcript], Any]]] = {
    "LANGUAGE": (np.object_, lambda transcript: transcript.language),
    "LANGUAGE_PROBABILITY": (np.float32, lambda transcript: transcript.language_probability),
    "NO_SPEECH_PROBABILITY": (np.float32, lambda transcript: transcript.no_speech_probability),
    "AVERAGE_LOG_PROBABILITY": (np.float32, lambda transcript: transcript.average_log_probability),
    "COMPRESSION_RATIO": (np.float32, lambda transcript: transcript.compression_ratio),
    "TRUNCATED": (np.bool_, lambda transcript: transcript.truncated),
}


@dataclass(frozen=True)
class AsrTensors:
    transcripts: Sequence[Transcript]
    manifest: str

    def rows(self, name: str, first: int, last: int) -> Array:
        chosen = self.transcripts[first:last]
        if name == "MANIFEST":
            return _strings([[self.manifest]] * len(chosen))
        if name in _OF_TRANSCRIPT:
            kind, value = _OF_TRANSCRIPT[name]
            return np.array([[value(each)] for each in chosen], kind)
        kind, filling, values = _OF_WORDS[name]
        columns = [list(values(each)) for each in chosen]
        width = max(map(len, columns))
        filled = [column + [filling] * (width - len(column)) for column in columns]
        return np.array(filled, kind).reshape(len(chosen), width)


class AsrAnswers:
    def __init__(self, manifest: Manifest, vocabulary: Vocabulary) -> None:
        self._manifest = manifest
        self._recogniser = recogniser(manifest, vocabulary)

    def row(self, wish: Wish) -> Row:
        return self._recogniser.row(wish)

    def graph_outputs(self, wishes: Sequence[Wish]) -> list[str]:
        return self._recogniser.outputs(wishes)

    def tensors(self, wishes: Sequence[Wish], rows: Sequence[Row], answer: Tensors) -> AsrTensors:
        return AsrTensors(self._recogniser.transcripts(wishes, rows, answer), self._manifest.text)


@dataclass(frozen=True)
class LanguageTensors:
    probabilities: npt.NDArray[np.float32]
    manifest: str

    def rows(self, name: str, first: int, last: int) -> Array:
        if name == "MANIFEST":
            return _strings([[self.manifest]] * (last - first))
        return self.probabilities[first:last]


class LanguageAnswers:
    def __init__(self, manifest: Manifest) -> None:
        if manifest.family != "whisper":
            raise ManifestError("manifest.json: only family 'whisper' hears which language is spoken")
        self._manifest = manifest

    def row(self, wish: Wish) -> Row:
        return prompt.language_row(wish, self._manifest)

    def graph_outputs(self, _wishes: Sequence[Wish]) -> list[str]:
        return ["LANGUAGE"]

    def tensors(self, _wishes: Sequence[Wish], _rows: Sequence[Row], answer: Tensors) -> LanguageTensors:
        return LanguageTensors(calibrated(answer["LANGUAGE"], self._manifest.temperature), self._manifest.text)


def calibrated(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float32]:
    """A temperature above 1 makes a model that is too sure of itself less so; the order stays."""
    powers = np.power(np.maximum(probabilities, 1e-12), 1.0 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _strings(rows: list[list[str]]) -> Array:
    return np.array(rows, np.object_)
