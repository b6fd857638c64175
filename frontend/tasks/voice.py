"""Compare the voice of a stream with a template, and make templates."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import numpy as np

from frontend.dialogue.events import Failed, Verified, VoiceVerified
from frontend.dialogue.tasks import Stream, Task
from frontend.errors import AudioError, GatewayError, ServiceError, UnavailableError
from frontend.machines.activity import Thresholds
from frontend.machines.verification import VerificationOptions, VoiceMemory, VoiceWindow, WindowCutter
from frontend.media.decoder import Recording
from frontend.speech import (
    RATE,
    SPEAKER_EMBEDDING,
    WINDOW_SAMPLES,
    Samples,
    SpeechService,
    Voiceprint,
    mean_voice,
)
from frontend.tasks.heard import listen_to_recording
from frontend.tasks.hearing import Hearing
from frontend.tasks.listening import MOST_UNANSWERED_SAMPLES, Listening


@dataclass(frozen=True)
class VerifyVoice(Task):
    """Is it the voice of a template?"""

    listening: Listening
    options: VerificationOptions
    template: Voiceprint

    def begin(self, stream: Stream) -> Coroutine[Any, Any, None]:
        hearing = Hearing(self.listening, stream, asyncio.Event())
        hearing.begin()
        return self._verify(stream, hearing)

    async def _verify(self, stream: Stream, hearing: Hearing) -> None:
        rate = self.listening.audio.rate
        cutter = WindowCutter(rate, hearing.delay_samples, self.options)
        memory = VoiceMemory(self.template.vector, round(self.options.context_seconds * rate))
        waiting: list[VoiceWindow] = []
        while (heard := await hearing.next()) is not None:
            waiting += cutter.feed(heard.activity.windows, heard.activity.decisions, heard.client_samples)
            if heard.error:
                stream.tell(Failed(heard.error))
                continue
            try:
                results = await self._compare(waiting, memory, stream.services.speech) if waiting else ()
            except ServiceError as e:
                if sum(len(window.speech) for window in waiting) > MOST_UNANSWERED_SAMPLES:
                    raise UnavailableError("the models have not answered for too long") from e
                stream.tell(Failed(e))  # the windows wait for the next message
                continue
            except GatewayError as e:
                waiting = []
                stream.tell(Failed(e))
                continue
            waiting = []
            stream.tell(VoiceVerified(results))

    async def _compare(
        self, windows: list[VoiceWindow], memory: VoiceMemory, speech: SpeechService
    ) -> tuple[Verified, ...]:
        enough = self.options.min_speech_seconds * RATE
        windows = [window for window in windows if len(window.speech) >= enough]
        voices = await asyncio.gather(*(speech.embed_voice(window.speech) for window in windows))
        if any(voice.manifest.identity != self.template.manifest.identity for voice in voices):
            raise AudioError("the embedding model was replaced while the stream ran: create the voice template anew")
        results = []
        for window, voice in zip(windows, voices, strict=True):
            score, seconds = memory.feed(window, voice.vector)
            probability = voice.manifest.probability(score, self.template.speech_seconds, seconds)
            results.append(Verified(window.interval, probability, score))
        return tuple(results)


@dataclass(frozen=True)
class EnrolmentOptions:
    """How much speech a template needs, and how much of a long recording is enough."""

    thresholds: Thresholds
    min_seconds: float
    max_seconds: float


async def enrol(recording: Recording, speech: SpeechService, options: EnrolmentOptions) -> Voiceprint:
    """The voice of a recording, from what is speech in it."""
    spoken: list[Samples] = []
    async for activity in listen_to_recording(recording.samples, speech, options.thresholds):
        windows = activity.windows.reshape(-1, WINDOW_SAMPLES)
        spoken.append(windows[np.array(activity.decisions, bool)].reshape(-1))
        if sum(map(len, spoken)) >= options.max_seconds * RATE:
            break
    voice = np.concatenate(spoken)[: int(options.max_seconds * RATE)] if spoken else np.zeros(0, np.int16)
    if len(voice) < options.min_seconds * RATE:
        raise too_little_speech(len(voice) / RATE, options.min_seconds)
    manifest = speech.manifest(SPEAKER_EMBEDDING)
    longest = int((manifest.max_seconds if manifest else 10.0) * RATE)
    parts = np.array_split(voice, -(-len(voice) // longest))
    prints = await asyncio.gather(*(speech.embed_voice(part) for part in parts))
    if len({one.manifest.identity for one in prints}) > 1:
        raise UnavailableError("the embedding model was being replaced, try again")
    return Voiceprint(mean_voice([one.vector for one in prints]), prints[0].manifest, len(voice) / RATE)


def compare(one: Voiceprint, other: Voiceprint, min_seconds: float) -> tuple[float, float]:
    """(probability, score) that two voices of one model are the same; AudioError where nothing could be said."""
    scarcer = min(one.speech_seconds, other.speech_seconds)
    if scarcer < min_seconds:
        raise too_little_speech(scarcer, min_seconds)
    score = float(one.vector @ other.vector)
    return one.manifest.probability(score, one.speech_seconds, other.speech_seconds), score


def too_little_speech(seconds: float, min_seconds: float) -> AudioError:
    return AudioError(f"too little speech: {seconds:.1f} s, at least {min_seconds:g} s are needed")
