"""The job over audio that is there already: a whole file."""

import asyncio
import contextlib
import time
from dataclasses import dataclass

from frontend.config import settings
from frontend.dialogue.events import Corrected, Event, RecordingTranscribed, Segment
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Job
from frontend.errors import ServiceError
from frontend.memory.memory_file import MemoryFile
from frontend.speech import Decoding
from frontend.tasks.files.transcription import Transcription, TranscriptionOptions, transcribe_recording


@dataclass(frozen=True)
class TranscribeFile(Job):
    """A file of any kind, or a WAV; its text is corrected where that is asked for."""

    file: MemoryFile | bytes
    decoding: Decoding
    recognition: settings.Recognition
    wav_only: bool = False
    correct: bool = False

    async def run(self, services: Services) -> Event:
        assert services.media is not None
        services.request()
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            file = self.file
            if isinstance(file, bytes):
                data, file = file, stack.enter_context(contextlib.closing(MemoryFile()))
                await asyncio.to_thread(file.append, data)
            async with services.media.recording(file, wav_only=self.wav_only, patient=True) as recording:
                services.hear(recording.client_samples / recording.client_rate)
                stack.enter_context(services.holding(recording.samples.nbytes))
                options = TranscriptionOptions.of(self.recognition, self.decoding)
                transcription = await transcribe_recording(recording.samples, services.speech, options)
                audio_seconds = recording.client_samples / recording.client_rate
        corrected = await self._corrected(transcription, services) if self.correct else None
        return _transcribed(transcription, audio_seconds, time.monotonic() - began, corrected)

    async def _corrected(self, transcription: Transcription, services: Services) -> Corrected:
        """Whatever goes wrong with it, the transcript stands."""
        if services.postprocessor is None or not services.postprocessor.configured:
            return Corrected(None, None, "post-processing is not configured")
        if not transcription.text.strip():
            return Corrected(transcription.text)
        language = "en" if self.decoding.task == "translate" else transcription.language
        text, error, began = None, None, time.monotonic()
        try:
            text = await services.postprocessor.correct(transcription.text, language)
        except ServiceError as e:
            error = str(e)
        return Corrected(text, time.monotonic() - began, error)


def _transcribed(
    transcription: Transcription, audio_seconds: float, seconds: float, corrected: Corrected | None = None
) -> RecordingTranscribed:
    segments = tuple(Segment(one.text, one.start_seconds, one.end_seconds) for one in transcription.segments)
    return RecordingTranscribed(transcription.text, segments, transcription.language, audio_seconds, seconds, corrected)
