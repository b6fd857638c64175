"""Sentences that people say, fetched into the cache, one after another with where each of them lies."""

from collections.abc import Sequence

import numpy as np

from export.evaluation.people import trimmed
from export.people import prompts, readings
from export.people.fetching import CACHE
from export.people.recordings import Recording
from export.people.sound import read
from frontend.machines.stabiliser import plain
from frontend.speech import RATE, Samples
from tests.bench.conversation import Said, Speech

_READERS = ("austen", "carnegie")
_NEVER_PAUSES = "moonshine two_cities"
_PAUSE_SECONDS = 1.2
_LONGEST_BREAK_SECONDS = 0.1  # less than ends an utterance
# What a telephone exchange says, spread over all of it: whole sentences, neither cut short nor several.
_PROMPTS, _LEAST_WORDS, _SECONDS = 20, 6, (2.0, 6.0)


def sentences() -> Speech:
    """Read by two people and said by a third, each from its first sound to its last."""
    parts, said, at = [np.zeros(RATE, np.int16)], list[Said](), 1.0
    for each in [*_read(), *_prompted()]:
        sound = _samples(each)
        said.append(Said(" ".join(map(plain, str(each.text).split())), at, at + len(sound) / RATE))
        parts += [sound, np.zeros(round(_PAUSE_SECONDS * RATE), np.int16)]
        at += len(sound) / RATE + _PAUSE_SECONDS
    return Speech(np.concatenate(parts), said)


def breathless() -> Samples:
    """A reading without the quiet that is longer than a break between words."""
    (reader,) = (each for each in readings.recordings(CACHE) if each.speaker == _NEVER_PAUSES)
    samples, frame = _samples(reader), RATE // 100
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    loud = np.abs(whole.astype(int)).max(axis=1) > 0.02 * np.abs(samples.astype(int)).max()
    since = np.arange(len(loud)) - np.maximum.accumulate(np.where(loud, np.arange(len(loud)), 0))
    kept: Samples = whole[since * frame <= _LONGEST_BREAK_SECONDS * RATE].reshape(-1)
    return kept


def _read() -> Sequence[Recording]:
    found = readings.recordings(CACHE)
    return [each for each in found if each.speaker in _READERS and each.text and each.path.suffix == ".wav"]


def _prompted() -> Sequence[Recording]:
    english = prompts.core_sounds("en", CACHE)
    whole = [each for each in english if each.text and not each.isolated and len(each.text.split()) >= _LEAST_WORDS]
    shortest, longest = _SECONDS
    fitting = [each for each in whole if shortest < len(_samples(each)) / RATE < longest]
    return fitting[:: len(fitting) // _PROMPTS][:_PROMPTS]


def _samples(recording: Recording) -> Samples:
    return np.asarray(np.clip(trimmed(read(recording.path)), -1, 1) * 32767, np.int16)
