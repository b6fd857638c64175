"""Hearing a stream: decode the messages, cut windows, ask for voice activity, all messages that wait in one call."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from frontend.dialogue.commands import AudioSource
from frontend.errors import AudioError, GatewayError, ServiceError, UnavailableError
from frontend.machines.activity import ActivityDecider, Thresholds
from frontend.media.stream import AudioFormat, StreamDecoder
from frontend.speech import RATE, WINDOW_SAMPLES, Probabilities, Samples, SpeechService, VadState

# Decoding this much takes well under a millisecond; the event loop gets its turn between pieces.
_PIECE_BYTES = 16_384
# An Opus packet of any size may hold 120 ms.
_PACKET_BYTES = _PIECE_BYTES // 4
_STRETCH_SAMPLES = 64 * WINDOW_SAMPLES
# Audio that the models refused is kept for them, but not for ever.
MOST_UNANSWERED_SAMPLES = 300 * RATE


@dataclass(frozen=True)
class Listening:
    """How to listen: the options that all voice tasks share."""

    audio: AudioFormat
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True)
class Activity:
    """Whole windows of 512 samples, with what the model said and what was decided of each."""

    windows: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    probabilities: Sequence[float] = ()
    decisions: Sequence[bool] = ()

    def part(self, first: int, last: int) -> "Activity":
        samples = self.windows[first * WINDOW_SAMPLES : last * WINDOW_SAMPLES]
        return Activity(samples, self.probabilities[first:last], self.decisions[first:last])


@dataclass(frozen=True)
class Heard:
    """What one message added, and how many of the client's samples came so far."""

    activity: Activity
    client_samples: int
    error: GatewayError | None


@dataclass(frozen=True)
class _Received:
    client_samples: int
    windows_so_far: int
    error: GatewayError | None


class Listener:
    """One stream's way from messages to decisions. Audio that the models did not answer for is asked about again."""

    def __init__(self, options: Listening, speech: SpeechService) -> None:
        self._decoder = StreamDecoder(options.audio)
        self._piece_bytes = None if options.audio.encoding == "opus" else _PIECE_BYTES
        self._decider = ActivityDecider(options.thresholds)
        self._speech = speech
        self._state = VadState()
        self._undecided: list[Samples] = []
        self._samples = self._decoded_bytes = 0
        self._decided_windows = 0
        self.delay_samples = self._decoder.delay_samples

    async def hear(self, audio: AudioSource) -> AsyncIterator[Heard]:
        """One result a message, for as long as the stream lasts."""
        while messages := await audio.take():
            received = [await self._receive(message) for message in messages]
            first = done = self._decided_windows
            activity, failure = await self._decide()
            for message in received:
                upto = max(done, min(message.windows_so_far, first + len(activity.decisions)))
                yield Heard(activity.part(done - first, upto - first), message.client_samples, message.error or failure)
                done = upto

    async def _receive(self, message: bytes) -> _Received:
        error = None
        step = self._piece_bytes or max(1, len(message))
        for start in range(0, len(message), step):
            await self._give_way(min(step, len(message)))
            try:
                samples = self._decoder.feed(message[start : start + step])
            except AudioError as e:
                error = e
            else:
                self._undecided.append(samples)
                self._samples += len(samples)
        return _Received(self._decoder.client_samples, self._samples // WINDOW_SAMPLES, error)

    async def _give_way(self, size_bytes: int) -> None:
        """Let the event loop have its turn after about a millisecond of decoding."""
        self._decoded_bytes += _PACKET_BYTES if self._piece_bytes is None else size_bytes
        if self._decoded_bytes > _PIECE_BYTES:
            self._decoded_bytes = 0
            await asyncio.sleep(0)

    async def _decide(self) -> tuple[Activity, ServiceError | None]:
        """The activity in the whole windows that have none yet, as far as the models answer."""
        samples = np.concatenate([np.zeros(0, np.int16), *self._undecided])
        whole = len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES
        probabilities, failure, done = [np.zeros(0, np.float32)], None, 0
        while done < whole and failure is None:
            stretch = samples[done : min(done + _STRETCH_SAMPLES, whole)]
            try:
                told, self._state = await self._speech.speech_probabilities(stretch, self._state)
            except ServiceError as e:
                failure = e
            else:
                probabilities.append(told)
                done += len(stretch)
        if len(samples) - done > MOST_UNANSWERED_SAMPLES:
            raise UnavailableError("the models have not answered for too long")
        self._undecided = [samples[done:]]
        self._decided_windows += done // WINDOW_SAMPLES
        return _activity(samples[:done], np.concatenate(probabilities), self._decider), failure


async def listen_to_recording(
    samples: Samples, speech: SpeechService, thresholds: Thresholds
) -> AsyncIterator[Activity]:
    """A whole recording at 16 kHz in stretches of two seconds."""
    decider, state = ActivityDecider(thresholds), VadState()
    for start in range(0, len(samples), _STRETCH_SAMPLES):
        stretch = samples[start : start + _STRETCH_SAMPLES]
        probabilities, state = await speech.speech_probabilities(stretch, state)
        yield _activity(stretch[: len(probabilities) * WINDOW_SAMPLES], probabilities, decider)


def _activity(windows: Samples, probabilities: Probabilities, decider: ActivityDecider) -> Activity:
    told = probabilities.tolist()
    return Activity(windows, told, decider.feed(told))
