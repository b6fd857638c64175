"""What telephone lines, their codecs and dull microphones leave of a sound."""

import io
import random

import numpy as np
import soundfile
import soxr

from export.people.sound import RATE, Samples
from export.training.augmentation import telephone

_TELEPHONE_RATE = 8000


def through_a_line(sound: Samples, rng: random.Random) -> Samples:
    drawn = rng.random()
    if drawn < 0.4:
        return telephone(sound, rng.uniform(120, 350), rng.uniform(3000, 3900))
    if drawn < 0.7:
        return mobile(sound)
    return dull(sound, round(rng.uniform(7000, 13000)))


def mobile(sound: Samples) -> Samples:
    """GSM's full rate, as many prompts are kept."""
    coded = io.BytesIO()
    described = {"samplerate": _TELEPHONE_RATE, "format": "RAW", "subtype": "GSM610"}
    narrow = soxr.resample(sound, RATE, _TELEPHONE_RATE)
    peak = max(float(np.abs(narrow).max(initial=0)), 1e-4)
    soundfile.write(coded, narrow * (0.7 / peak), **described)
    coded.seek(0)
    heard, _ = soundfile.read(coded, dtype="float32", channels=1, **described)
    return np.asarray(soxr.resample(heard * (peak / 0.7), _TELEPHONE_RATE, RATE), np.float32)


def dull(sound: Samples, rate: int) -> Samples:
    """Nothing above half of a rate."""
    return np.asarray(soxr.resample(soxr.resample(sound, RATE, rate), rate, RATE), np.float32)
