"""The tensors of the models that the gateway calls: how rows of many streams become one request and its answer results.

Triton batches only requests of the same shape, so lengths are padded to a few sizes and the true length goes along.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from frontend.speech import (
    ASR,
    CONTEXT_SAMPLES,
    LANGUAGE_ID,
    RATE,
    SPEAKER_EMBEDDING,
    STATE_SIZE,
    VAD,
    WINDOW_SAMPLES,
    Decoding,
    LanguageProbabilities,
    Manifest,
    Samples,
    Transcript,
    VadState,
    Voiceprint,
    Word,
)

Arrays = Mapping[str, npt.NDArray[Any]]

_RECOGNISER_SIZES = tuple(seconds * RATE for seconds in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30))
# A word may seem to end so much behind the audio: a frame of the model, and rounding.
_SLACK_SECONDS = 0.05
# How far probabilities may be off by rounding.
_SLACK = 1e-3


class Row(NamedTuple):
    """What one stream asks of a model."""

    request_id: str
    samples: Samples
    state: VadState = VadState()  # for voice activity
    decoding: Decoding = Decoding()  # for recognition


class Contract(Protocol):
    """One model's tensors."""

    name: str
    # Whether the gateway makes one request of several rows. It cannot where answers differ in length: then every row is
    # a request of its own, and Triton batches them.
    joins: bool = True
    # Lengths in samples that rows are padded to, ascending.
    sizes: tuple[int, ...]
    outputs: tuple[str, ...]
    # A row that any working version answers.
    probe: Row

    def inputs(self, rows: Sequence[Row], size_samples: int) -> Arrays: ...

    def results(self, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]: ...

    def manifest(self, outputs: Arrays) -> Manifest:
        return _parsed(outputs["MANIFEST"].reshape(-1)[0])


@functools.lru_cache(maxsize=32)
def _parsed(text: bytes | str) -> Manifest:
    """A manifest that comes with every answer is read once."""
    return Manifest.parse(text)


class VadContract(Contract):
    name = VAD.name
    sizes = tuple(windows * WINDOW_SAMPLES for windows in (1, 2, 4, 8, 16, 32, 64))
    outputs = ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE")
    probe = Row("readiness", np.zeros(WINDOW_SAMPLES, np.int16))

    def inputs(self, rows: Sequence[Row], size_samples: int) -> Arrays:
        return {
            "AUDIO": _padded(rows, size_samples),
            "WINDOWS": np.array([[len(row.samples) // WINDOW_SAMPLES] for row in rows], np.int32),
            "CONTEXT": _joined((row.state.context for row in rows), CONTEXT_SAMPLES),
            "STATE": _joined((row.state.state for row in rows), 2, STATE_SIZE),
        }

    def results(self, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]:
        probabilities, contexts, states = (outputs[name] for name in self.outputs)
        if not len(rows) == len(probabilities) == len(contexts) == len(states):
            raise ValueError("not as many rows as were asked")
        if probabilities.shape[1] < max(len(row.samples) for row in rows) // WINDOW_SAMPLES:
            raise ValueError("fewer probabilities than windows")
        sizes, kinds = (contexts.shape[1:], states.shape[1:]), {contexts.dtype, states.dtype}
        if sizes != ((CONTEXT_SAMPLES,), (2, STATE_SIZE)) or kinds != {np.dtype(np.float32)}:
            raise ValueError("a context or a state that spoils the next call for all who share it")
        # Copies: a view would keep the whole batch alive for as long as one of its streams is quiet.
        states_of = zip(_parts(contexts, len(rows)), _parts(states, len(rows)), strict=True)
        return [
            (told[: len(row.samples) // WINDOW_SAMPLES], VadState(context, state))
            for row, told, (context, state) in zip(rows, probabilities, states_of, strict=True)
        ]


class SpeakerEmbeddingContract(Contract):
    name = SPEAKER_EMBEDDING.name
    sizes = tuple(seconds * RATE for seconds in (1, 2, 3, 4, 6, 8, 12, 16, 24, 30))
    # The manifest comes with every answer, so a voiceprint always knows which version made it.
    outputs = ("EMBEDDING", "MANIFEST")
    probe = Row("readiness", np.zeros(RATE, np.int16))

    def inputs(self, rows: Sequence[Row], size_samples: int) -> Arrays:
        return _sounds(rows, size_samples)

    def results(self, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]:
        manifest = self.manifest(outputs)
        return [Voiceprint(vector.copy(), manifest) for vector in outputs["EMBEDDING"]]

    def manifest(self, outputs: Arrays) -> Manifest:
        return dataclasses.replace(super().manifest(outputs), dimensions=outputs["EMBEDDING"].shape[-1])


class AsrContract(Contract):
    name = ASR.name
    joins = False
    sizes = _RECOGNISER_SIZES
    outputs = (
        *("WORD", "START", "END", "CONFIDENCE", "SEGMENT"),
        *("LANGUAGE", "LANGUAGE_PROBABILITY", "NO_SPEECH_PROBABILITY", "AVERAGE_LOG_PROBABILITY", "COMPRESSION_RATIO"),
        *("TRUNCATED", "MANIFEST"),
    )
    probe = Row("readiness", np.zeros(RATE, np.int16), decoding=Decoding(word_times=False, max_tokens=1))

    def inputs(self, rows: Sequence[Row], size_samples: int) -> Arrays:
        """All inputs, always: requests with different ones would not batch."""
        (row,) = rows
        decoding = row.decoding
        return {
            **_sounds(rows, size_samples),
            "LANGUAGE": _strings([decoding.language or ""]),
            "TASK": _strings([decoding.task]),
            "PROMPT": _strings([decoding.prompt]),
            "PREFIX": _strings(decoding.prefix or [""]),
            "HOTWORDS": _strings(decoding.hotwords or [""]),
            "WORD_TIMES": np.array([[decoding.word_times]], bool),
            "MAX_TOKENS": np.array([[decoding.max_tokens]], np.int32),
        }

    def results(self, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]:
        (row,) = rows
        one = {name: _single(name, outputs) for name in AsrContract.outputs[5:-1]}
        return [
            Transcript(
                _words(outputs, len(row.samples) / RATE),
                one["LANGUAGE"].decode("utf-8"),
                _probability("LANGUAGE_PROBABILITY", one["LANGUAGE_PROBABILITY"]),
                _probability("NO_SPEECH_PROBABILITY", one["NO_SPEECH_PROBABILITY"]),
                float(one["AVERAGE_LOG_PROBABILITY"]),
                float(one["COMPRESSION_RATIO"]),
                bool(one["TRUNCATED"]),
            )
        ]


class LanguageIdContract(Contract):
    name = LANGUAGE_ID.name
    sizes = _RECOGNISER_SIZES
    # The manifest says which language each probability is of.
    outputs = ("PROBABILITY", "MANIFEST")
    probe = Row("readiness", np.zeros(RATE, np.int16))

    def inputs(self, rows: Sequence[Row], size_samples: int) -> Arrays:
        return _sounds(rows, size_samples)

    def results(self, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]:
        languages = self.manifest(outputs).languages
        results = []
        for probabilities in outputs["PROBABILITY"]:
            # What they lack to 1 is the probability of another language.
            if float(probabilities.sum()) > 1 + 10 * _SLACK:
                raise ValueError("probabilities that add up to more than 1")
            told = {
                language: _probability("PROBABILITY", probability)
                for language, probability in zip(languages, probabilities, strict=True)
            }
            results.append(LanguageProbabilities.of(told))
        return results


CONTRACTS: tuple[Contract, ...] = (VadContract(), SpeakerEmbeddingContract(), AsrContract(), LanguageIdContract())


def _joined(states: Iterable[bytes], *shape: int) -> npt.NDArray[np.float32]:
    return np.frombuffer(b"".join(states), np.float32).reshape(-1, *shape)


def _parts(array: npt.NDArray[Any], count: int) -> list[bytes]:
    """Of each row its own bytes."""
    data = array.tobytes()
    size_bytes = len(data) // count
    return [data[start : start + size_bytes] for start in range(0, count * size_bytes, size_bytes)]


def _sounds(rows: Sequence[Row], size_samples: int) -> dict[str, npt.NDArray[Any]]:
    lengths = np.array([[len(row.samples)] for row in rows], np.int32)
    return {"AUDIO": _padded(rows, size_samples), "LENGTH": lengths}


def _padded(rows: Sequence[Row], size_samples: int) -> Samples:
    """Joined as bytes: a fifth of the time of writing them into an array row by row."""
    parts: list[Any] = []
    for row in rows:
        parts += (row.samples, bytes(2 * (size_samples - len(row.samples))))
    return np.frombuffer(b"".join(parts), np.int16).reshape(len(rows), size_samples)


def _strings(texts: Iterable[str]) -> npt.NDArray[Any]:
    """One row. What is no Unicode, like half of a surrogate pair, becomes a question mark."""
    return np.array([[text.encode("utf-8", "replace") for text in texts]], object)


def _single(name: str, outputs: Arrays) -> Any:
    (value,) = outputs[name].reshape(-1)
    return value


def _probability(name: str, value: Any) -> float:
    if not -_SLACK <= value <= 1 + _SLACK:
        raise ValueError(f"{name} is no probability")
    return min(1.0, max(0.0, float(value)))


def _words(outputs: Arrays, seconds: float) -> tuple[Word, ...]:
    """The words of an answer, their times inside the audio and never going back."""
    columns = [outputs[name].reshape(-1).tolist() for name in AsrContract.outputs[:5]]
    words = []
    before = Word("", 0.0, 0.0, 1.0)
    for text, start, end, confidence, segment in zip(*columns, strict=True):
        if not before.start_seconds - _SLACK <= start <= end + _SLACK or end < before.end_seconds - _SLACK:
            raise ValueError("times that go back")
        if end > seconds + _SLACK_SECONDS or segment < before.segment:
            raise ValueError("words outside the audio, or segments that go back")
        start, end = (min(seconds, max(0.0, at)) for at in (start, end))
        before = Word(text.decode("utf-8"), start, end, _probability("CONFIDENCE", confidence), segment)
        words.append(before)
    return tuple(words)
