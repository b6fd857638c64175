"""What was heard of a stream or a recording: windows, how likely each is speech, and what was decided of it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from frontend.errors import GatewayError
from frontend.machines.activity import ActivityDecider, Thresholds
from frontend.speech import WINDOW_SAMPLES, Samples, SpeechService, VadState

WINDOW_BYTES = 2 * WINDOW_SAMPLES
# So many windows are asked about in one call.
MOST_WINDOWS = 64


class Activity(NamedTuple):
    """Whole windows of 512 samples, with what the model said and what was decided of each."""

    pcm: bytes = b""
    probabilities: Sequence[float] = ()
    decisions: Sequence[bool] = ()

    @property
    def windows(self) -> Samples:
        return np.frombuffer(self.pcm, np.int16)


@dataclass(slots=True)
class Heard:
    """What one message added, or one turn, and how many of the client's samples came so far.

    Where the client wants to know what was said so far, the `rest` is what is heard but for these last samples.
    """

    activity: Activity
    client_samples: int
    error: GatewayError | None = None
    rest: bytes | None = None


@dataclass(slots=True)
class Mark:
    """A message that was decoded: it is heard when that many windows of the stream are decided."""

    windows: int
    client_samples: int
    error: GatewayError | None


NOTHING = Activity()


def joined(first: Activity, second: Activity) -> Activity:
    return Activity(
        first.pcm + second.pcm,
        [*first.probabilities, *second.probabilities],
        [*first.decisions, *second.decisions],
    )


def parted(activity: Activity, windows: int) -> tuple[Activity, Activity]:
    if windows == len(activity.probabilities):
        return activity, NOTHING
    cut = windows * WINDOW_BYTES
    return (
        Activity(activity.pcm[:cut], activity.probabilities[:windows], activity.decisions[:windows]),
        Activity(activity.pcm[cut:], activity.probabilities[windows:], activity.decisions[windows:]),
    )


async def listen_to_recording(
    samples: Samples, speech: SpeechService, thresholds: Thresholds
) -> AsyncIterator[Activity]:
    """A whole recording at 16 kHz in stretches of two seconds."""
    decider, state = ActivityDecider(thresholds), VadState()
    step = MOST_WINDOWS * WINDOW_SAMPLES
    for start in range(0, len(samples), step):
        stretch = samples[start : start + step]
        probabilities, state = await speech.speech_probabilities(stretch, state)
        told = probabilities.tolist()
        yield Activity(stretch[: len(told) * WINDOW_SAMPLES].tobytes(), told, decider.feed(told))
