"""The internal graph's tensors: rows of different lengths into one batch, and one row out of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .manifest import RATE, GraphRef, Manifest
from .wish import Samples

Tensors = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class GraphCall:
    """One call of another model, and which of its answers are wanted."""

    graph: GraphRef
    inputs: Tensors
    outputs: Sequence[str]


# Makes calls, all at once, and returns their answers in order.
Calls = Callable[[Sequence[GraphCall]], Sequence[Tensors]]

# Rows that are about as long cost a tenth less in one call than in several; 14 s and 5 s cost a quarter more.
_MOST_PADDING = 1.15
DETECTED_LANGUAGE = -1  # stands in a prompt where the graph is to put the language that it hears


@dataclass(frozen=True)
class Row:
    """What the graph is asked about one sound; a CTC graph takes the audio alone."""

    audio: Samples
    prompt: tuple[int, ...] = ()
    forced: int = 0  # how many of the prompt's last tokens are words that the client gave
    max_tokens: int = 0


@dataclass(frozen=True)
class Heard:
    """One row of a writing graph's answer, without padding. Spoken tokens are the forced ones, then the generated."""

    tokens: tuple[int, ...]
    log_probabilities: npt.NDArray[np.float32]
    end_log_probability: float | None  # None: the text was cut by the row's limit
    languages: npt.NDArray[np.float32]
    no_speech_probability: float
    alignment: npt.NDArray[np.float32] | None


def joined(lengths: Sequence[int], manifest: Manifest) -> list[list[int]]:
    """The places of rows that go in one call, by their lengths."""
    if not manifest.joins_alike:
        return [list(range(len(lengths)))]
    calls: list[list[int]] = []
    longest = total = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        total += lengths[place]
        if calls and longest * (len(calls[-1]) + 1) <= _MOST_PADDING * total:
            calls[-1].append(place)
        else:
            calls.append([place])
            longest = total = lengths[place]
    return calls


def inputs(rows: Sequence[Row], manifest: Manifest) -> dict[str, npt.NDArray[Any]]:
    lengths = [len(row.audio) for row in rows]
    # Silence, as every probe is, need not cost what half a minute costs.
    padded = manifest.wants_padding and any(row.audio.any() for row in rows)
    size = manifest.max_samples if padded else max(lengths)
    audio = np.zeros((len(rows), size), np.int16)
    for place, row in enumerate(rows):
        audio[place, : len(row.audio)] = row.audio
    tensors: dict[str, npt.NDArray[Any]] = {
        "AUDIO": audio,
        "LENGTH": _column([size] * len(rows) if padded else lengths),
    }
    if manifest.family == "ctc":
        return tensors
    prompt = np.zeros((len(rows), max(len(row.prompt) for row in rows)), np.int32)
    for place, row in enumerate(rows):
        prompt[place, : len(row.prompt)] = row.prompt
    return {
        **tensors,
        "PROMPT": prompt,
        "PROMPT_LENGTH": _column([len(row.prompt) for row in rows]),
        "MAX_TOKENS": _column([row.max_tokens for row in rows]),
    }


def heard(row: Row, answer: Tensors, place: int, manifest: Manifest) -> Heard:
    assert manifest.tokens is not None
    generated = answer["TOKEN"][place]
    ends = np.flatnonzero(generated == manifest.tokens.end)
    count = min(int(ends[0]) if len(ends) else len(generated), row.max_tokens)
    logs = answer["LOG_PROBABILITY"][place]
    ended = count < row.max_tokens and count < len(generated)
    first = len(row.prompt) - row.forced
    alignment = answer["ALIGNMENT"][place] if "ALIGNMENT" in answer else None
    if alignment is not None:
        alignment = alignment[: frames(row, manifest)]
        if manifest.alignment == "attention":
            positions = _predictors(row, count, answer["PROMPT_LOG_PROBABILITY"].shape[1])
            alignment = alignment[:, positions[positions < alignment.shape[1]]]
    return Heard(
        tokens=(*row.prompt[first:], *generated[:count].tolist()),
        log_probabilities=np.concatenate(
            [answer["PROMPT_LOG_PROBABILITY"][place, first : len(row.prompt)], logs[:count]]
        ),
        end_log_probability=float(logs[count]) if ended else None,
        languages=answer["LANGUAGE"][place],
        no_speech_probability=float(answer["NO_SPEECH"][place, 0]),
        alignment=alignment,
    )


def frames(row: Row, manifest: Manifest) -> int:
    """How many of the graph's frames are of the sound."""
    first = round(manifest.first_frame_seconds * RATE)
    return max(0, len(row.audio) - first) // round(manifest.frame_seconds * RATE) + 1


def _predictors(row: Row, count: int, prompt_size: int) -> npt.NDArray[np.intp]:
    """The decoder positions that predict each spoken token and the end: always the one before. Of a text that was cut
    the last position did not run."""
    prompt = np.arange(len(row.prompt) - row.forced - 1, len(row.prompt))
    return np.concatenate([prompt, np.arange(prompt_size, prompt_size + count)])


def _column(values: Sequence[int]) -> npt.NDArray[np.int32]:
    return np.array(values, np.int32)[:, None]
