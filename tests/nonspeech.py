"""Sounds in which nobody speaks, made by arithmetic: the same clips each time, each kind in several forms."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from frontend.speech import RATE, Samples

Sound = npt.NDArray[Any]
Dice = np.random.Generator
FORMS = 5  # of each kind: other seeds, lengths and levels
_SECONDS = (0.6, 1.5, 2.5, 4.0, 7.0)
_PEAKS = (0.02, 0.1, 0.3, 0.6, 0.9)


def clips() -> Iterator[tuple[str, Samples]]:
    """By name, at 16 kHz."""
    for kind, make in KINDS.items():
        for form in range(FORMS):
            dice = np.random.default_rng([len(kind), *kind.encode(), form])
            sound = make(dice, np.arange(round(_SECONDS[form] * RATE)) / RATE)
            peak = _PEAKS[(form + len(kind)) % FORMS] / max(float(np.abs(sound).max()), 1e-9)
            yield f"{kind} {form}", np.asarray(32767 * peak * sound, np.int16)


def _noise(power: float, dice: Dice, at: Sound) -> Sound:
    """Its power falls with frequency by this exponent: 0 white, 1 pink, 2 brown, -1 blue."""
    spectrum = np.fft.rfft(dice.standard_normal(len(at)))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (power / 2)
    spectrum[0] = 0
    return np.asarray(np.fft.irfft(spectrum, len(at)))


def _tones(frequencies: tuple[float, ...], dice: Dice, at: Sound) -> Sound:
    parts = [np.sin(2 * np.pi * each * at + dice.uniform(0, 6)) / (1 + place) for place, each in enumerate(frequencies)]
    return np.asarray(np.sum(parts, axis=0), np.float64)


def _tone(dice: Dice, at: Sound) -> Sound:
    return _tones((float(dice.uniform(80, 3000)),), dice, at)


def _hum(dice: Dice, at: Sound) -> Sound:
    return np.asarray(_tones(tuple(float(50 * each) for each in range(1, 8)), dice, at) + 0.05 * _noise(1, dice, at))


def _chord(dice: Dice, at: Sound) -> Sound:
    root = float(dice.uniform(110, 440))
    return _tones((root, root * 1.26, root * 1.5, 2 * root), dice, at)


def _melody(dice: Dice, at: Sound) -> Sound:
    """A note of a scale each third of a second, struck and fading, over a bass."""
    step = RATE // 3
    sound = np.zeros(len(at))
    for start in range(0, len(at), step):
        note = at[: len(at[start : start + step])]
        pitch = 220.0 * 2 ** (float(dice.choice([0, 2, 4, 5, 7, 9, 11, 12])) / 12)
        sound[start : start + step] = np.exp(-6 * note) * _tones((pitch, 2 * pitch, 3 * pitch), dice, note)
    return np.asarray(sound + 0.3 * np.sin(2 * np.pi * 55 * at))


def _sweep(dice: Dice, at: Sound) -> Sound:
    low, high = sorted(dice.uniform(60, 6000, 2))
    return np.asarray(np.sin(2 * np.pi * at * (low + (high - low) * at / (2 * at[-1]))))


def _dtmf(dice: Dice, at: Sound) -> Sound:
    keys = [(low, high) for low in (697.0, 770.0, 852.0, 941.0) for high in (1209.0, 1336.0, 1477.0)]
    step = RATE // 5
    sound = np.zeros(len(at))
    for start in range(0, len(at), step):
        held = at[: len(at[start : start + step // 2])]
        sound[start : start + step // 2] = _tones(keys[int(dice.integers(len(keys)))], dice, held)
    return sound


def _bursts(each_second: float, decay: float, dice: Dice, at: Sound) -> Sound:
    """Short noises at random places, as of clicks, claps, steps, drops."""
    sound = np.zeros(len(at))
    length = min(len(at), round(5 / decay * RATE))
    for start in dice.integers(0, max(1, len(at) - length), max(1, round(each_second * at[-1]))):
        sound[start : start + length] += (
            np.exp(-decay * at[:length]) * dice.standard_normal(length) * dice.uniform(0.3, 1)
        )
    return sound


def _engine(dice: Dice, at: Sound) -> Sound:
    turning = 2 * np.pi * np.cumsum(30 + 8 * np.sin(2 * np.pi * 0.3 * at + dice.uniform(0, 6))) / RATE
    return np.asarray(np.sign(np.sin(turning)) * 0.4 + np.sin(2 * turning) + 0.3 * _noise(2, dice, at) / 0.01)


def _rain(dice: Dice, at: Sound) -> Sound:
    return np.asarray(_bursts(400, 900, dice, at) + 0.2 * dice.standard_normal(len(at)))


def _wind(dice: Dice, at: Sound) -> Sound:
    gusts = 1 + np.sin(2 * np.pi * 0.4 * at + dice.uniform(0, 6))
    return np.asarray(gusts * _noise(2, dice, at))


def _surf(dice: Dice, at: Sound) -> Sound:
    return np.asarray((0.2 + np.sin(np.pi * 0.3 * at + dice.uniform(0, 6)) ** 2) * _noise(1, dice, at))


def _siren(dice: Dice, at: Sound) -> Sound:
    pitch = 700 + 250 * np.sin(2 * np.pi * float(dice.uniform(0.3, 2)) * at)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(pitch) / RATE))


def _bell(dice: Dice, at: Sound) -> Sound:
    root = float(dice.uniform(300, 900))
    return np.asarray(np.exp(-1.5 * at) * _tones((root, 2.76 * root, 5.4 * root), dice, at))


def _saw(dice: Dice, at: Sound) -> Sound:
    pitch = float(dice.uniform(90, 400))
    return 2 * ((at * pitch) % 1.0) - 1


def _beeps(dice: Dice, at: Sound) -> Sound:
    return _tone(dice, at) * (((at * 2) % 1.0) < 0.3)


# What voice activity often takes for speech: strokes and glides at the pace of syllables, as through a throat.


def _resounding(sound: Sound, pitch: float, width: float) -> Sound:
    spectrum = np.fft.rfft(sound)
    away = (np.fft.rfftfreq(len(sound), 1 / RATE) - pitch) / width
    return np.asarray(np.fft.irfft(spectrum / (1 + away**2), len(sound)))


def _strokes(dice: Dice, at: Sound) -> Sound:
    a_second, reach, still = dice.uniform(2, 7), dice.uniform(0.5, 2), dice.uniform(-0.2, 0.5)
    return np.asarray(np.clip(np.sin(2 * np.pi * a_second * at + dice.uniform(0, 6)) * reach + still, 0, 1))


def _fiddle(dice: Dice, at: Sound) -> Sound:
    pitch = dice.uniform(150, 700) * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * at))
    string = 2 * ((np.cumsum(pitch) / RATE) % 1) - 1
    return np.asarray(_resounding(string, dice.uniform(400, 1500), 150) * _strokes(dice, at))


def _gurgle(dice: Dice, at: Sound) -> Sound:
    glide = np.exp(dice.uniform(-1.2, 1.2) * ((at * dice.uniform(1, 3.5)) % 1))
    turning = 2 * np.pi * np.cumsum(dice.uniform(60, 400) * glide) / RATE
    voice = np.sum([np.sin(number * turning) / number**0.5 for number in range(1, 12)], axis=0)
    return np.asarray(_resounding(voice, dice.uniform(300, 1500), 200) * _strokes(dice, at))


def _puffs(dice: Dice, at: Sound) -> Sound:
    air = dice.standard_normal(len(at))
    low, high = _resounding(air, dice.uniform(300, 900), 120), _resounding(air, dice.uniform(1000, 2500), 200)
    return np.asarray((low + 0.6 * high) * _strokes(dice, at))


KINDS: Mapping[str, Callable[[Dice, Sound], Sound]] = {
    "fiddle": _fiddle,
    "gurgle": _gurgle,
    "puffs": _puffs,
    "silence": lambda _dice, at: np.zeros(len(at)),
    "dither": lambda dice, at: dice.integers(-2, 3, len(at)) / 1.0,
    "offset": lambda _dice, at: np.ones(len(at)),
    "white noise": functools.partial(_noise, 0.0),
    "pink noise": functools.partial(_noise, 1.0),
    "brown noise": functools.partial(_noise, 2.0),
    "blue noise": functools.partial(_noise, -1.0),
    "hum": _hum,
    "tone": _tone,
    "chord": _chord,
    "melody": _melody,
    "sweep": _sweep,
    "dial tones": _dtmf,
    "clicks": functools.partial(_bursts, 5.0, 3000.0),
    "claps": functools.partial(_bursts, 2.0, 60.0),
    "steps": functools.partial(_bursts, 1.5, 25.0),
    "drops": functools.partial(_bursts, 8.0, 300.0),
    "engine": _engine,
    "rain": _rain,
    "wind": _wind,
    "surf": _surf,
    "siren": _siren,
    "bell": _bell,
    "saw": _saw,
    "beeps": _beeps,
}
