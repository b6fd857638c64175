"""The output tensors of the two models, row by row."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .detection import Detection
from .families import Recogniser
from .graph import Calls, GraphCall, Row, Tensors, inputs, joined
from .manifest import Manifest
from .routing import Route, Router, Told
from .transcript import Transcript
from .version import Version
from .wish import RequestError, Wish, check

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
class Asked:
    """A wish with what its engine is asked."""

    wish: Wish
    row: Row
    engine: int = 0
    told: Told | None = None  # where the language was asked for first


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
    """The rows of one execute(): whose voice and language are asked for first, then all engines at once."""

    def __init__(self, version: Version, recognisers: Sequence[Recogniser]) -> None:
        self._version = version
        self._router = Router(version)
        self._recognisers = recognisers

    def asked(self, wishes: Sequence[Wish], calls: Calls) -> list[Asked | RequestError]:
        routes = self._router.routes(wishes, calls)
        return [each if isinstance(each, RequestError) else self._asked(each) for each in routes]

    def tensors(self, asked: Sequence[Asked], calls: Calls) -> AsrTensors:
        """One call for each engine that has rows, or a few where it hears rows of one length best."""
        together = [*self._together(asked)]
        answers = calls([self._call([asked[place] for place in places]) for places in together])
        heard: dict[int, Transcript] = {}
        for places, answer in zip(together, answers, strict=True):
            heard.update(zip(places, self._transcripts([asked[place] for place in places], answer), strict=True))
        return AsrTensors([heard[place] for place in range(len(asked))], self._version.text)

    def _together(self, asked: Sequence[Asked]) -> Iterator[list[int]]:
        """The places of those that one call answers; a call of each engine in turn, as each engine has one thread: else
        one of many lengths would take them all, and the others wait."""
        engines = sorted({each.engine for each in asked})
        for turn in itertools.zip_longest(*(self._of_engine(engine, asked) for engine in engines)):
            yield from (group for group in turn if group is not None)

    def _of_engine(self, engine: int, asked: Sequence[Asked]) -> Iterator[list[int]]:
        places = [place for place, each in enumerate(asked) if each.engine == engine]
        lengths = [len(asked[place].row.audio) for place in places]
        for group in joined(lengths, self._version.engines[engine]):
            yield [places[each] for each in group]

    def _asked(self, route: Route) -> Asked | RequestError:
        (engine,) = route.engines
        try:
            check(route.wish, self._version.engines[engine])
            return Asked(route.wish, self._recognisers[engine].row(route.wish), engine, route.told)
        except RequestError as error:
            return error

    def _call(self, asked: Sequence[Asked]) -> GraphCall:
        engine = asked[0].engine
        manifest = self._version.engines[engine]
        outputs = self._recognisers[engine].outputs([each.wish for each in asked])
        return GraphCall(manifest.graph, inputs([each.row for each in asked], manifest), outputs)

    def _transcripts(self, asked: Sequence[Asked], answer: Tensors) -> list[Transcript]:
        wishes, rows = [each.wish for each in asked], [each.row for each in asked]
        transcripts = self._recognisers[asked[0].engine].transcripts(wishes, rows, answer)
        return [_as_told(said, each) for said, each in zip(transcripts, asked, strict=True)]


def _as_told(said: Transcript, asked: Asked) -> Transcript:
    """An engine that was given nothing to hear, as nobody seemed to say anything, knows nothing of that."""
    told = asked.told
    if told is None:
        return said
    no_speech = told.no_speech_probability if asked.wish.unspoken else said.no_speech_probability
    return replace(said, language_probability=told.language_probability, no_speech_probability=no_speech)


@dataclass(frozen=True)
class LanguageTensors:
    probabilities: npt.NDArray[np.float32]
    manifest: str

    def rows(self, name: str, first: int, last: int) -> Array:
        if name == "MANIFEST":
            return _strings([[self.manifest]] * (last - first))
        return self.probabilities[first:last]


class LanguageAnswers:
    def __init__(self, manifest: Manifest, text: str) -> None:
        self._detection = Detection(manifest)
        self._manifest, self._text = manifest, text

    def asked(self, wishes: Sequence[Wish], _calls: Calls) -> list[Asked | RequestError]:
        return [self._asked(wish) for wish in wishes]

    def tensors(self, asked: Sequence[Asked], calls: Calls) -> LanguageTensors:
        return LanguageTensors(self._detection.heard([each.wish for each in asked], calls).probabilities, self._text)

    def _asked(self, wish: Wish) -> Asked | RequestError:
        try:
            check(wish, self._manifest)
            return Asked(wish, self._detection.row(wish))
        except RequestError as error:
            return error


def _strings(rows: list[list[str]]) -> Array:
    return np.array(rows, np.object_)
