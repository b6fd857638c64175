"""Speech for tests, from the synthesizers that calibration uses, and of one person."""

import functools
import wave

import numpy as np
import soxr

from export.calibration.voices import TEST_VOICES, Voice, speak
from frontend.client.recording import sample
from frontend.speech import RATE, Samples

MINE, ANOTHER = (next(voice for voice in TEST_VOICES if voice.name == name) for name in ("Marco", "f1"))
# Near enough to people that who knows people's English understands it.
CLEAR = Voice("flite", "slt")
TEXT = (
    "Good morning, this is a short message for the people at the front desk. The parcel from the post office "
    "arrives at half past nine, so please keep the side door open until ten. Thank you and have a pleasant day."
)
OTHER_TEXT = (
    "We are going to the market this afternoon because the kitchen is nearly empty. If you want fruit or bread, "
    "write it on the list beside the telephone. The car leaves in a quarter of an hour."
)


# What the person reads.
BECKETT = "ever tried ever failed no matter try again fail again fail better"


@functools.cache
def person() -> Samples:
    """A man who reads Beckett, in ten seconds; the recording is the client's sample."""
    with wave.open(str(sample())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@functools.cache
def say(text: str = TEXT, voice: Voice = MINE, rate: int = RATE) -> Samples:
    """The text in this voice, without the silence around it."""
    samples = speak(voice, text)
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 300)
    return np.asarray(soxr.resample(samples[loud[0] : loud[-1] + 1], RATE, rate), np.int16)


def silence(seconds: float, rate: int = RATE) -> Samples:
    return np.zeros(round(seconds * rate), np.int16)
