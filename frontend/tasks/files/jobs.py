"""Jobs over audio that is there already: a whole file, or what is buffered of a stream."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from frontend.config import settings
from frontend.dialogue.events import Corrected, Event, RecordingTranscribed, Segment
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Job
from frontend.errors import ServiceError
from frontend.memory.memory_file import MemoryFile
from frontend.speech import RATE, Decoding, Samples
from frontend.tasks.files.transcription import Transcription, TranscriptionOptions, transcribe_recording

_LARGE_BYTES = 256 << 10
_BYTES_A_SECOND = 2 * RATE


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


@dataclass
class StreamMemory:
    """What the jobs of one stream pass on: the language that was detected last."""

    language: str | None = None


@dataclass(frozen=True)
class TranscribeBuffer(Job):
    """16-bit samples at 16 kHz, in pieces that may end inside a sample."""

    pieces: Sequence[bytes | memoryview]
    decoding: Decoding
    recognition: settings.Recognition
    memory: StreamMemory
    final: bool = False
    # Of these so many were in the buffer before.
    again_bytes: int = 0

    async def run(self, services: Services) -> Event:
        began = time.monotonic()
        size_bytes = sum(map(len, self.pieces))
        services.hear((size_bytes - self.again_bytes) / _BYTES_A_SECOND)
        with services.holding(size_bytes):
            large = size_bytes > _LARGE_BYTES
            samples = await asyncio.to_thread(_joined, self.pieces) if large else _joined(self.pieces)
            # The end of a stream is too little to tell its language anew.
            language = self.decoding.language or (self.memory.language if self.final else None)
            decoding = dataclasses.replace(self.decoding, language=language)
            options = TranscriptionOptions.of(self.recognition, decoding)
            transcription = await transcribe_recording(samples, services.speech, options)
        self.memory.language = transcription.language or self.memory.language
        transcription = dataclasses.replace(transcription, language=self.memory.language or "")
        return _transcribed(transcription, len(samples) / RATE, time.monotonic() - began)


def _joined(pieces: Sequence[bytes | memoryview]) -> Samples:
    """Copied where the interpreter is not held up meanwhile."""
    arrays = [np.frombuffer(piece, np.uint8) for piece in pieces]
    samples: Samples = np.concatenate([np.zeros(0, np.uint8), *arrays]).view(np.int16)
    return samples


def _transcribed(
    transcription: Transcription, audio_seconds: float, seconds: float, corrected: Corrected | None = None
) -> RecordingTranscribed:
    segments = tuple(Segment(one.text, one.start_seconds, one.end_seconds) for one in transcription.segments)
    return RecordingTranscribed(transcription.text, segments, transcription.language, audio_seconds, seconds, corrected)
