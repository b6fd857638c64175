"""Say how much of a stream, or of a recording, is speech."""

from dataclasses import dataclass

from frontend.dialogue.events import Failed, SpeechSummarised
from frontend.dialogue.tasks import Stream, Task
from frontend.machines.activity import Thresholds
from frontend.machines.summary import FRAME_MS, SpeechSummary, Summariser
from frontend.media.decoder import Recording
from frontend.speech import RATE, SpeechService
from frontend.tasks.heard import Heard, listen_to_recording
from frontend.tasks.listening import Listening, StreamListener


@dataclass(frozen=True)
class SummariseSpeech(Task):
    listening: Listening
    listed_seconds: float

    def begin(self, stream: Stream) -> None:
        def heard(heard: Heard) -> None:
            summary = summariser.feed(heard.activity.decisions, heard.client_samples)
            stream.tell(Failed(heard.error) if heard.error else SpeechSummarised(summary))

        listener = StreamListener(self.listening, stream, heard)
        max_frames = round(self.listed_seconds * 1000 / FRAME_MS)
        summariser = Summariser(self.listening.audio.rate, listener.intake.delay_samples, max_frames)
        listener.begin()


async def summarise_recording(recording: Recording, speech: SpeechService, thresholds: Thresholds) -> SpeechSummary:
    """The summary of a whole recording, all its frames listed."""
    summariser = Summariser(recording.client_rate, delay_samples=0)
    heard = 0
    async for activity in listen_to_recording(recording.samples, speech, thresholds):
        heard += len(activity.pcm) // 2
        summariser.feed(activity.decisions, min(recording.client_samples, heard * recording.client_rate // RATE))
    return summariser.feed([], recording.client_samples)
