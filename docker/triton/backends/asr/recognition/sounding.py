"""Where words sound: attention gives a word the quiet around it as well, and the audio tells where that ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .manifest import RATE
from .timing import Frames, Times
from .wish import Samples

_FRAME_SAMPLES = RATE // 100
# Quiet is so far below what is loud, in decibels; where the noise behind it is louder than that, nothing is.
_QUIET_BELOW, _LOUDEST_QUIET_BELOW, _ABOVE_NOISE = 40.0, 25.0, 6.0
_LOUD_PERCENT, _NOISE_PERCENT = 95, 10
# Shorter dips lie inside words.
_PAUSE_FRAMES = 6
_MARGIN_FRAMES = 1


def out_of_quiet(times: Times, audio: Samples) -> Times:
    """Words begin and end where something is heard of them; those in which nothing is stay where they are."""
    loud = _loud(audio)
    if not loud.any():
        return times
    frames = np.arange(len(loud))
    following = np.minimum.accumulate(np.where(loud, frames, len(loud))[::-1])[::-1]
    preceding = np.maximum.accumulate(np.where(loud, frames, -1))
    first, last = (_frames(seconds, len(loud)) for seconds in (times.starts, times.ends))
    heard_first, heard_last = following[first], preceding[np.maximum(last - 1, 0)] + 1
    heard = heard_first < heard_last
    late = heard & (heard_first - first >= _PAUSE_FRAMES)
    early = heard & (last - heard_last >= _PAUSE_FRAMES)
    starts = np.where(late, (heard_first - _MARGIN_FRAMES) * _FRAME_SAMPLES / RATE, times.starts)
    ends = np.where(early, (heard_last + _MARGIN_FRAMES) * _FRAME_SAMPLES / RATE, times.ends)
    return Times(starts, np.maximum(ends, starts))


def _frames(seconds: Frames, count: int) -> npt.NDArray[np.intp]:
    return np.asarray(np.clip(np.rint(seconds * RATE / _FRAME_SAMPLES), 0, count - 1), np.intp)


def _loud(audio: Samples) -> npt.NDArray[np.bool_]:
    """Of each hundredth of a second."""
    whole = audio[: len(audio) // _FRAME_SAMPLES * _FRAME_SAMPLES].reshape(-1, _FRAME_SAMPLES).astype(np.float32)
    if not len(whole):
        return np.zeros(0, bool)
    levels = 10 * np.log10(whole.var(axis=1) + 1)
    loud, noise = np.percentile(levels, (_LOUD_PERCENT, _NOISE_PERCENT))
    bar = max(loud - _QUIET_BELOW, min(noise + _ABOVE_NOISE, loud - _LOUDEST_QUIET_BELOW))
    return np.asarray(levels > bar)
