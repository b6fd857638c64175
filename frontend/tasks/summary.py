"""Say how much of a stream, or of a recording, is speech."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from frontend.dialogue.commands import AudioSource, Event, Failed, SpeechSummarised, Task
from frontend.dialogue.services import Services
from frontend.machines.activity import Thresholds
from frontend.machines.summary import FRAME_MS, SpeechSummary, Summariser
from frontend.media.decoder import Recording
from frontend.speech import RATE, SpeechService
from frontend.tasks.listening import Listener, Listening, listen_to_recording


@dataclass(frozen=True)
class SummariseSpeech(Task):
    listening: Listening
    listed_seconds: float

    async def run(self, audio: AudioSource, services: Services) -> AsyncIterator[Event]:
        listener = Listener(self.listening, services.speech)
        max_frames = round(self.listed_seconds * 1000 / FRAME_MS)
        summariser = Summariser(self.listening.audio.rate, listener.delay_samples, max_frames)
        async for heard in listener.hear(audio):
            summary = summariser.feed(heard.activity.decisions, heard.client_samples)
            yield Failed(heard.error) if heard.error else SpeechSummarised(summary)


async def summarise_recording(recording: Recording, speech: SpeechService, thresholds: Thresholds) -> SpeechSummary:
    """The summary of a whole recording, all its frames listed."""
    summariser = Summariser(recording.client_rate, delay_samples=0)
    heard = 0
    async for activity in listen_to_recording(recording.samples, speech, thresholds):
        heard += len(activity.windows)
        summariser.feed(activity.decisions, min(recording.client_samples, heard * recording.client_rate // RATE))
    return summariser.feed([], recording.client_samples)
