"""Words on the time of the whole stream: forward only, none over another; and where a text may be cut in two."""

import dataclasses
from collections.abc import Sequence

from frontend.machines.stabiliser import agreement
from frontend.speech import Word


class Timeline:
    """Gives the words of each final their place behind those before."""

    def __init__(self) -> None:
        self._end_seconds = 0.0

    def place(self, words: Sequence[Word]) -> tuple[Word, ...]:
        placed = []
        for word in words:
            start = max(word.start_seconds, self._end_seconds)
            self._end_seconds = max(word.end_seconds, start)
            placed.append(dataclasses.replace(word, start_seconds=start, end_seconds=self._end_seconds))
        return tuple(placed)


def shifted(words: Sequence[Word], seconds: float) -> tuple[Word, ...]:
    """Words of a stretch that begins here in the stream, without those that are only white space."""
    return tuple(
        dataclasses.replace(word, start_seconds=word.start_seconds + seconds, end_seconds=word.end_seconds + seconds)
        for word in words
        if word.text.strip()
    )


def without_carried(words: Sequence[Word], carried: Sequence[Word]) -> tuple[Word, ...]:
    """What comes after words that an earlier final has told already and whose audio was heard once more."""
    if agreement(carried, words) == len(carried):
        return tuple(words[len(carried) :])
    end_seconds = carried[-1].end_seconds
    return tuple(word for word in words if middle_seconds(word) > end_seconds)


def middle_seconds(word: Word) -> float:
    return (word.start_seconds + word.end_seconds) / 2


def boundary(words: Sequence[Word], latest_seconds: float, earliest_seconds: float) -> int:
    """How many words come before the best place for a cut: the widest gap, the newest of equals; 0 when none does."""
    best_count, best_gap = 0, -1.0
    for count in range(1, len(words)):
        before, after = words[count - 1], words[count]
        gap = after.start_seconds - before.end_seconds
        if earliest_seconds <= before.end_seconds <= latest_seconds and gap >= best_gap:
            best_count, best_gap = count, gap
    return best_count


def text_of(words: Sequence[Word]) -> str:
    """As clients know it: with a leading space, empty where there are no words."""
    text = "".join(word.text for word in words).strip()
    return f" {text}" if text else ""
