"""People's recordings: joined at random to train on, joined in their order or alone to be judged on."""

from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np

from export.people.collection import recordings
from export.people.recordings import Recording
from export.people.sound import RATE, Samples, read
from export.training.heads.clip import Clip
from export.training.synthesis import trimmed

_PIECE_SECONDS = 3.3
_FEWEST, _MOST = 12, 180  # clips to train on of one speaker
_MOST_TESTED = {"train": 15, "test": 60}
_MOST_WORDS = {"train": 40, "test": 40}
_SHORTEST_SECONDS = 0.15
_GUESSED_SECONDS = 2.0  # of one recording, to decide how many clips a speaker gives


def clips() -> Iterator[Clip]:
    for (language, speaker), all_of in _speakers().items():
        split, whole = all_of[0].split, [each for each in all_of if not each.isolated]
        pieces = round(len(whole) * _GUESSED_SECONDS / _PIECE_SECONDS)
        if whole:
            trained = range(min(max(pieces, _FEWEST), _MOST) if split == "train" else 0)
            yield from (Clip("train", "person", language, speaker, number) for number in trained)
            yield from (Clip("test", "person", language, speaker, number) for number in range(_MOST_TESTED[split]))
        words, use = range(min(len(all_of), _MOST_WORDS[split])), "words" if split == "test" else "train"
        yield from (Clip(use, "word", language, speaker, number) for number in words)


def sound(clip: Clip) -> Samples | None:
    all_of = _speakers()[clip.language, clip.speaker]
    if clip.kind == "word":
        step = max(1, len(all_of) // _MOST_WORDS[all_of[0].split])
        return _heard(all_of[clip.number * step])
    whole = [each for each in all_of if not each.isolated]
    return _in_order(clip, whole) if clip.use == "test" else _at_random(clip, whole)


@cache
def _speakers() -> dict[tuple[str, str], list[Recording]]:
    found: dict[tuple[str, str], list[Recording]] = {}
    for recording in recordings():
        found.setdefault((recording.language, recording.speaker), []).append(recording)
    return found


@lru_cache(maxsize=3000)
def _heard(recording: Recording) -> Samples | None:
    samples = read(recording.path)
    found = trimmed(samples, 0.02) if np.abs(samples).max(initial=0) > 0.005 else None
    return None if found is None or len(found) < _SHORTEST_SECONDS * RATE else found


def _at_random(clip: Clip, whole: list[Recording]) -> Samples | None:
    rng, parts, length = clip.rng(), [], 0
    wanted = round(rng.uniform(2.2, 4.4) * RATE)
    for _ in range(60):
        if length >= wanted:
            break
        part = _heard(rng.choice(whole))
        if part is not None:
            start = rng.randrange(max(1, len(part) - wanted))
            gap = np.zeros(round(rng.uniform(0.05, 0.35) * RATE), np.float32)
            parts += [part[start : start + wanted], gap]
            length += len(parts[-2]) + len(gap)
    return np.concatenate(parts)[:wanted] if length else None


def _in_order(clip: Clip, whole: list[Recording]) -> Samples | None:
    cut = _pieces(clip.language, clip.speaker)
    return cut[clip.number] if clip.number < len(cut) else None


@lru_cache(maxsize=2)
def _pieces(language: str, speaker: str) -> list[Samples]:
    """Of three to eight seconds, each recording in one of them; the longer a recording, the more pieces it gives."""
    whole = [each for each in _speakers()[language, speaker] if not each.isolated]
    rng = Clip("test", "person", language, speaker, 0).rng()
    most = _MOST_TESTED[whole[0].split]
    step = max(1, len(whole) // (5 * most))
    found, parts, length, wanted = [], [], 0, rng.uniform(3, 8) * RATE
    for recording in whole[::step]:
        part = _heard(recording)
        while part is not None and len(part):
            room = max(round(wanted) - length, 0) if len(part) > 8 * RATE else len(part)
            parts += [part[:room], np.zeros(RATE // 8, np.float32)]
            part, length = part[room:], length + min(room, len(part)) + RATE // 8
            if length >= wanted or (length >= 3 * RATE and len(parts) == 2):
                found.append(np.concatenate(parts)[: 12 * RATE])
                parts, length, wanted = [], 0, rng.uniform(3, 8) * RATE
        if len(found) >= most:
            break
    return found
