"""Whether anybody speaks, as a model of voice activity hears it: for engines that write text whatever they hear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .graph import Calls, GraphCall
from .manifest import NEWEST, GraphRef
from .wish import Samples

_WINDOW_SAMPLES, _CONTEXT_SAMPLES, _STATE = 512, 64, (2, 128)
_WINDOWS_A_CALL = 64
# So many windows (0.1 s) that are very likely speech are speech. Of words cut out of what people said 99 of 100 have as
# many; at half the probability clicks and chords at the beginning of a sound have them too.
_SPEECH_PROBABILITY, _SPEECH_WINDOWS = 0.8, 3


def spoken(sounds: Sequence[Samples], model: str, calls: Calls) -> list[bool]:
    """Of each sound. Two seconds of all of them go in one call, and no more of one that is known to be speech."""
    speech = np.zeros(len(sounds), np.int64)
    context = np.zeros((len(sounds), _CONTEXT_SAMPLES), np.float32)
    state = np.zeros((len(sounds), *_STATE), np.float32)
    start, step = 0, _WINDOWS_A_CALL * _WINDOW_SAMPLES
    while open_ := [
        place for place, sound in enumerate(sounds) if speech[place] < _SPEECH_WINDOWS and len(sound) > start
    ]:
        stretches = [sounds[place][start : start + step] for place in open_]
        call = GraphCall(
            GraphRef(model, NEWEST),
            {**_audio(stretches), "CONTEXT": context[open_], "STATE": state[open_]},
            ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE"),
        )
        (answer,) = calls([call])
        speech[open_] += (answer["PROBABILITY"] >= _SPEECH_PROBABILITY).sum(axis=1)
        context[open_], state[open_] = answer["NEXT_CONTEXT"], answer["NEXT_STATE"]
        start += step
    return [count >= _SPEECH_WINDOWS for count in speech.tolist()]


def _audio(stretches: Sequence[Samples]) -> dict[str, npt.NDArray[Any]]:
    windows = [-(-len(stretch) // _WINDOW_SAMPLES) for stretch in stretches]
    audio = np.zeros((len(stretches), max(windows) * _WINDOW_SAMPLES), np.int16)
    for row, stretch in zip(audio, stretches, strict=True):
        row[: len(stretch)] = stretch
    return {"AUDIO": audio, "WINDOWS": np.array(windows, np.int32)[:, None]}
