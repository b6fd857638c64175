"""When words are said, from what a graph hears frame by frame.

Three ways: forced alignment where the graph has a CTC head and the words are what is heard; warping of cross-attention
where it has none; and, for words that are not what is heard (a translation), a share of the spoken stretch by length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .alignment import Scores, Trellis
from .words import Span

Frames = npt.NDArray[np.float64]

# Speech is heard in spikes: what lies this near to one is spoken as well.
_SPIKE_REACH_SECONDS = 0.2
# Attention leaves pauses to a neighbouring word; no word lasts longer than this many times the median.
_LONGEST_WORD_MEDIANS = 2.0
_LONGEST_WORD_SECONDS = 0.7
_MEDIAN_REACH = 3
# What is compared and put in order, one pair after the other, until the fourth of seven stands in its place.
_MIDDLE_OF_SEVEN = (
    *((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6)),
    *((2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)),
)


@dataclass(frozen=True)
class Times:
    """Seconds, one start and end a word: ascending, never overlapping, inside the audio."""

    starts: Frames
    ends: Frames


@dataclass(frozen=True)
class Clock:
    """How frames become seconds of a sound."""

    frame_seconds: float
    offset_seconds: float
    seconds: float

    def times(self, first: Frames, last: Frames) -> Times:
        """Of words that begin with the frames `first` and end before the frames `last`."""
        starts = np.clip(first * self.frame_seconds + self.offset_seconds, 0.0, self.seconds)
        ends = np.clip(last * self.frame_seconds + self.offset_seconds, 0.0, self.seconds)
        starts = np.maximum.accumulate(starts)
        ends = np.maximum(ends, starts)
        ends[:-1] = np.minimum(ends[:-1], starts[1:])
        return Times(starts, ends)


def no_times(count: int) -> Times:
    return Times(np.zeros(count), np.zeros(count))


def ctc_word_frames(path: npt.NDArray[np.intp], words: Sequence[range]) -> tuple[Frames, Frames]:
    """First frame of a word's first letter and the one after its last letter's last; words are ranges of letters."""
    letters = (path - 1) // 2  # state 2n + 1 is letter n
    spoken = path % 2 == 1
    frames = np.flatnonzero(spoken)
    letters = letters[spoken]
    first = frames[np.searchsorted(letters, [word.start for word in words])]
    last = frames[np.searchsorted(letters, [word.stop - 1 for word in words], side="right") - 1] + 1
    return first.astype(np.float64), last.astype(np.float64)


def warped_word_frames(path: npt.NDArray[np.intp], words: Sequence[Span]) -> tuple[Frames, Frames]:
    """A word lasts from its first token's first frame to that of the token after it; the state after all is the end."""
    first = np.searchsorted(path, [word.first for word in words])
    last = np.searchsorted(path, [word.last for word in words])
    return first.astype(np.float64), last.astype(np.float64)


def without_pauses(first: Frames, last: Frames, frame_seconds: float) -> tuple[Frames, Frames]:
    """The first word gives the silence before it away, the others what follows them."""
    longest = max(_LONGEST_WORD_MEDIANS * float(np.median(last - first)), _LONGEST_WORD_SECONDS / frame_seconds)
    first = first.copy()
    first[:1] = np.maximum(first[:1], last[:1] - longest)
    return first, np.minimum(last, first + longest)


def attention_trellis(attention: Scores) -> Trellis:
    """Attention [F, states] as in Whisper's own alignment: standardised over tokens, median-filtered over time."""
    deviation = attention.std(axis=1, keepdims=True)
    standard = (attention - attention.mean(axis=1, keepdims=True)) / np.maximum(deviation, 1e-9)
    padded = np.pad(standard, ((_MEDIAN_REACH, _MEDIAN_REACH), (0, 0)), mode="edge").astype(np.float32)
    return Trellis(_median_filtered(padded, len(standard)), np.zeros(attention.shape[1], bool), 1)


def _median_filtered(padded: Scores, count: int) -> Scores:
    """Over seven frames, by a network that sorts no more than the middle needs: a tenth of the time of np.median."""
    values = [padded[start : start + count] for start in range(2 * _MEDIAN_REACH + 1)]
    for one, other in _MIDDLE_OF_SEVEN:
        values[one], values[other] = np.minimum(values[one], values[other]), np.maximum(values[one], values[other])
    return values[_MEDIAN_REACH]


def spoken_frames(blank_log_probability: Scores, frame_seconds: float) -> npt.NDArray[np.intp]:
    """The frames in or near which a CTC head hears letters; all of them when it hears none."""
    spikes = (blank_log_probability < np.log(0.5)).astype(np.int64)
    reach = round(_SPIKE_REACH_SECONDS / frame_seconds)
    near = np.convolve(spikes, np.ones(2 * reach + 1, np.int64))[reach : reach + len(spikes)]
    found = np.flatnonzero(near)
    return found if len(found) else np.arange(len(spikes))


def shared_out(frames: npt.NDArray[np.intp], words: Sequence[Span]) -> tuple[Frames, Frames]:
    """The words over these frames in order, each as long as its text is."""
    if not len(frames):
        return np.zeros(len(words)), np.zeros(len(words))
    letters = np.cumsum([0, *(len(word.text.strip()) for word in words)])
    borders = letters / letters[-1] * len(frames)
    spans = [(int(start), max(int(start) + 1, int(np.ceil(end)))) for start, end in pairwise(borders)]
    first = np.array([frames[min(start, len(frames) - 1)] for start, _end in spans], np.float64)
    last = np.array([frames[min(end, len(frames)) - 1] + 1 for _start, end in spans], np.float64)
    return first, last
