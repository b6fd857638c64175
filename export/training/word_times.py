"""When each word is said, from espeak-ng itself: what the test of word times compares with.

The library tells the sample at which each word and each sound begins. A word ends where the sound after its last one
begins, so that a pause behind it does not belong to it.
"""

import ctypes
import re
from typing import Any

import numpy as np

from export.training.engines import RATE, Espeak, Samples, Utterance

TimedWord = tuple[str, float, float]
_WORD, _END, _SOUND = 1, 5, 7  # espeak_EVENT_TYPE
_TELL_SOUNDS = 1  # espeakINITIALIZE_PHONEME_EVENTS
_PAUSE = re.compile(r"^[_:|!]*$")


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


class TimedEspeak(Espeak):
    """Says what Espeak says, and when."""

    def __init__(self) -> None:
        super().__init__()
        self._native_rate = self._library.espeak_Initialize(2, 0, None, _TELL_SOUNDS)
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
        self._timed_callback = kind(self._collect_events)
        self._library.espeak_SetSynthCallback(self._timed_callback)
        self._events: list[tuple[int, int, int, str]] = []  # type, sample, place in the text, sound

    def _collect_events(self, samples: Any, count: int, events: Any) -> int:
        place = 0
        while events and events[place].type:
            event = events[place]
            sound = event.id.string.decode("utf-8", "replace") if event.type == _SOUND else ""
            self._events.append((event.type, event.sample, event.text_position - 1, sound))
            place += 1
        return self._collect(samples, count, events)

    def say(self, utterance: Utterance) -> tuple[Samples | None, list[TimedWord]]:
        """The sound, and where in it each word of the text is, in seconds."""
        self._events.clear()
        sound = self(utterance)
        return sound, _timed(utterance.text, self._events, self._native_rate)


def _timed(text: str, events: list[tuple[int, int, int, str]], rate: int) -> list[TimedWord]:
    """The words that begin where the synthesizer says one does; numbers it reads as several stay one."""
    spans: dict[int, list[int]] = {}  # a word's place in the text: its first and its last sample
    current = -1
    starts = {match.start(): match for match in re.finditer(r"\S+", text)}
    for place, (kind, sample, position, sound) in enumerate(events):
        if kind == _WORD:
            current = max((start for start in starts if start <= position), default=-1)
        if kind == _SOUND and current >= 0 and not _PAUSE.match(sound):
            end = next((after for _, after, _, _ in events[place + 1 :] if after > sample), sample)
            spans.setdefault(current, [sample, end])[1] = end
    return [(starts[start][0], first / rate, last / rate) for start, (first, last) in sorted(spans.items())]


def trimmed_by_seconds(sound: Samples, kept: Samples) -> float:
    """How much was cut off in front of a sound that `trimmed` left so long."""
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max(initial=1e-9))
    first = max(0, int(loud[0]) - RATE // 100)
    if len(sound[first : int(loud[-1]) + RATE // 100]) != len(kept):
        raise ValueError("this is not what was trimmed")
    return first / RATE
