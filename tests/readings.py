"""A person who reads, in the wheel that carries the English recogniser: the beginning of A Tale of Two Cities."""

import functools
import importlib.metadata

import numpy as np
import soundfile
import soxr

from frontend.speech import RATE, Samples

# What is read to the first of these times, and from there to the second.
PARTS = (
    "it was the best of times it was the worst of times",
    "it was the age of wisdom it was the age of foolishness",
)
_ENDS_SECONDS = (4.75, 8.4)


@functools.cache
def whole() -> Samples:
    """All that is read: 44 s."""
    file = importlib.metadata.distribution("moonshine-voice").locate_file("moonshine_voice/assets/two_cities.wav")
    samples, own_rate = soundfile.read(str(file), dtype="int16")
    return np.asarray(soxr.resample(samples, own_rate, RATE), np.int16)


@functools.cache
def parts(rate: int = RATE) -> tuple[Samples, Samples]:
    file = importlib.metadata.distribution("moonshine-voice").locate_file("moonshine_voice/assets/two_cities.wav")
    samples, own_rate = soundfile.read(str(file), dtype="int16", stop=10 * 48_000)
    heard = np.asarray(soxr.resample(samples, own_rate, rate), np.int16)
    middle, end = (round(seconds * rate) for seconds in _ENDS_SECONDS)
    return heard[:middle], heard[middle:end]


def of_telephone() -> Samples:
    """As it comes through one: at 8 kHz, with nothing of it above."""
    return np.concatenate([np.asarray(soxr.resample(part, 8000, RATE), np.int16) for part in parts(8000)])
