"""Cuts a recording into pieces for the recogniser: only speech, in pauses wherever there are any, never losing a word.

Where speech goes on for longer than a piece may be, it is cut where it is least likely to be speech. Both pieces then
hear what is around the cut, and `join` takes each word there from one of them.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from frontend.machines.timeline import middle_seconds
from frontend.speech import RATE, WINDOW_SAMPLES, Word

# A pause of this length ends a piece however short it is, silence being nothing to transcribe; of who hears long pieces
# best, one of this part of such a piece: it would hear what is left alone worse.
_LONG_PAUSE_SECONDS, _LONG_PAUSE_SHARE = 1.0, 1 / 9
# Shorter sounds are clicks.
_LEAST_SPEECH_WINDOWS = 3
# What both sides of a cut amid speech hear beyond it: longer than nearly every word.
_OVERLAP_SECONDS = 1.0
# The same word, heard by both sides, has its middle at most so far apart.
_SAME_SECONDS = 0.3


@dataclass(frozen=True)
class PieceOptions:
    """As the settings of the same names say; `longest_seconds` is at most what the model takes."""

    target_seconds: float = 5.5
    longest_seconds: float = 10.0
    pause_seconds: float = 0.3
    margin_seconds: float = 0.25

    def fitted(self, best_seconds: float, max_seconds: float) -> "PieceOptions":
        """For a model that hears so much best and takes so much; lengths of 0 are left to it."""
        target = self.target_seconds or best_seconds or 0.8 * max_seconds
        longest = min(self.longest_seconds or 2 * target, max_seconds)
        return dataclasses.replace(self, target_seconds=min(target, longest), longest_seconds=longest)


@dataclass(frozen=True)
class Piece:
    """A stretch to transcribe. A cut amid speech, which it then overlaps with the piece before, is named."""

    start_samples: int
    end_samples: int
    cut_samples: int | None = None


@dataclass
class _Open:
    """The piece that grows, in windows."""

    begin: int
    end: int  # of its speech so far
    earliest_samples: int  # what is before belongs to others
    cut_samples: int | None
    speech: int  # windows
    pauses: list[tuple[int, int]]
    probabilities: list[float]  # from `begin` on


class PieceCutter:
    """Decisions and probabilities of windows in, pieces out as soon as their ends are known."""

    def __init__(self, options: PieceOptions) -> None:
        self._margin_samples = round(options.margin_seconds * RATE)
        self._pause = max(1, _windows(options.pause_seconds))
        long_pause_seconds = max(_LONG_PAUSE_SECONDS, _LONG_PAUSE_SHARE * options.target_seconds)
        self._long_pause = max(self._pause, _windows(long_pause_seconds))
        self._overlap = _windows(min(_OVERLAP_SECONDS, options.longest_seconds / 6))
        around = max(self._overlap, _windows(options.margin_seconds) + 1)
        self._longest = max(1, _windows(options.longest_seconds) - 2 * around)
        # Below the longest, so that no pause is passed over when it comes to a cut amid speech.
        self._target = min(_windows(options.target_seconds), self._longest - 1)
        self._fed = 0
        self._earliest_samples = 0
        self._open: _Open | None = None

    def feed(self, decisions: Iterable[bool], probabilities: Iterable[float]) -> Sequence[Piece]:
        pieces: list[Piece] = []
        for speaking, probability in zip(decisions, probabilities, strict=True):
            pieces += self._window(speaking, probability)
        return pieces

    def finish(self, total_samples: int) -> Sequence[Piece]:
        """The last piece of a recording of this length."""
        return list(self._close(total_samples))

    def _window(self, speaking: bool, probability: float) -> Iterator[Piece]:
        at, self._fed = self._fed, self._fed + 1
        if speaking and self._open is None:
            self._open = _Open(at, at, self._earliest_samples, None, 0, [], [])
        piece = self._open
        if piece is None:
            return
        piece.probabilities.append(probability)
        if not speaking:
            if self._fed - piece.end >= self._long_pause:
                yield from self._close(self._fed * WINDOW_SAMPLES)
            return
        if at - piece.end >= self._pause:
            piece.pauses.append((piece.end, at))
        piece.end, piece.speech = self._fed, piece.speech + 1
        while piece.pauses and piece.end - piece.begin > self._target:
            yield from self._cut_in_pause(piece)
        if piece.end - piece.begin >= self._longest:
            yield self._cut_amid_speech(piece)

    def _close(self, known_samples: int) -> Iterator[Piece]:
        piece, self._open = self._open, None
        if piece is None:
            return
        end_samples = min(piece.end * WINDOW_SAMPLES + self._margin_samples, known_samples)
        self._earliest_samples = end_samples
        if piece.speech >= _LEAST_SPEECH_WINDOWS or piece.cut_samples is not None:
            yield Piece(self._start_samples(piece), end_samples, piece.cut_samples)

    def _cut_in_pause(self, piece: _Open) -> Iterator[Piece]:
        """In the longest pause of the second half, which is likelier than others to end a sentence."""
        late = [pause for pause in piece.pauses if pause[0] - piece.begin >= self._target / 2]
        begin, end = max(late or piece.pauses, key=lambda pause: (pause[1] - pause[0], pause[0]))
        middle_samples = (begin + end) * WINDOW_SAMPLES // 2
        end_samples = min(begin * WINDOW_SAMPLES + self._margin_samples, middle_samples)
        if begin - piece.begin >= _LEAST_SPEECH_WINDOWS or piece.cut_samples is not None:
            yield Piece(self._start_samples(piece), end_samples, piece.cut_samples)
        del piece.probabilities[: end - piece.begin]
        piece.begin, piece.earliest_samples, piece.cut_samples = end, middle_samples, None
        piece.speech = piece.end - end
        piece.pauses = [pause for pause in piece.pauses if pause[0] > end]

    def _cut_amid_speech(self, piece: _Open) -> Piece:
        """In the second half, where three windows together are the least likely to be speech."""
        told = piece.probabilities
        places = range(self._longest // 2, max(self._longest // 2 + 1, self._longest - self._overlap))
        cut = min(places, key=lambda place: sum(told[max(0, place - 1) : place + 2]))
        cut_samples, overlap_samples = (piece.begin + cut) * WINDOW_SAMPLES, self._overlap * WINDOW_SAMPLES
        done = Piece(self._start_samples(piece), cut_samples + overlap_samples, piece.cut_samples)
        del told[:cut]
        piece.begin += cut
        piece.earliest_samples, piece.cut_samples = cut_samples - overlap_samples, cut_samples
        return done

    def _start_samples(self, piece: _Open) -> int:
        if piece.cut_samples is not None:
            return piece.earliest_samples
        return max(piece.earliest_samples, piece.begin * WINDOW_SAMPLES - self._margin_samples)


def _windows(seconds: float) -> int:
    return int(seconds * RATE / WINDOW_SAMPLES)


def join(before: Sequence[Word], after: Sequence[Word], cut_seconds: float) -> tuple[list[Word], list[Word]]:
    """What remains of the words of two overlapping pieces, each word said at the cut once; times of the recording."""
    if not before or not after:
        return list(before), list(after)
    if not (timed(before) and timed(after)):
        return list(before), list(after[_common(before, after) :])
    pairs = [
        (2 * abs(middle_seconds(one) - middle_seconds(other)) + abs(middle_seconds(one) - cut_seconds), i, j)
        for i, one in enumerate(before)
        for j, other in enumerate(after)
        if _same(one, other) and abs(middle_seconds(one) - cut_seconds) < _OVERLAP_SECONDS
    ]
    if pairs:
        _, i, j = min(pairs)
        return list(before[: i + 1]), list(after[j + 1 :])
    first = [word for word in before if middle_seconds(word) < cut_seconds]
    second = [word for word in after if middle_seconds(word) >= cut_seconds]
    if first and second and _overlapping(first[-1], second[0]):
        # Heard differently by both sides: the surer one is right.
        return (first[:-1], second) if first[-1].confidence < second[0].confidence else (first, second[1:])
    # A word at the cut that each side placed beyond it would be lost.
    refused = [word for word in before if middle_seconds(word) >= cut_seconds][:1]
    refused += [word for word in after if middle_seconds(word) < cut_seconds][-1:]
    lost = [
        word
        for word in refused
        if abs(middle_seconds(word) - cut_seconds) < _SAME_SECONDS
        and not any(_overlapping(word, kept) for kept in (*first[-1:], *second[:1]))
    ]
    return first + sorted(lost, key=lambda word: -word.confidence)[:1], second


def timed(words: Sequence[Word]) -> bool:
    """A model that knows no times says 0 for all."""
    return any(word.end_seconds > word.start_seconds for word in words)


def _common(before: Sequence[Word], after: Sequence[Word]) -> int:
    """How many words both the one ends and the other begins with."""
    ending, beginning = ([word.text.strip().casefold() for word in words] for words in (before, after))
    lengths = range(min(len(ending), len(beginning)), 0, -1)
    return next((length for length in lengths if ending[-length:] == beginning[:length]), 0)


def _same(one: Word, other: Word) -> bool:
    return (
        one.text.strip().casefold() == other.text.strip().casefold()
        and abs(middle_seconds(one) - middle_seconds(other)) < _SAME_SECONDS
    )


def _overlapping(one: Word, other: Word) -> bool:
    """By more than half of the shorter."""
    common = min(one.end_seconds, other.end_seconds) - max(one.start_seconds, other.start_seconds)
    return common > 0.5 * min(one.end_seconds - one.start_seconds, other.end_seconds - other.start_seconds)
