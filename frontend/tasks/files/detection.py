"""Detect the language of a media file that comes in pieces, as soon as there is enough of it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from frontend.config import settings
from frontend.dialogue.commands import AudioSource, Event, Failed, Task
from frontend.dialogue.events import LanguageDetected
from frontend.dialogue.services import Services
from frontend.errors import AudioError, ClientError, GatewayError, IncompleteError, LimitError
from frontend.memory.memory_file import MemoryFile
from frontend.tasks.files.language import LanguageOptions, detect_spoken_language

# A client that has sent nothing for so long may be done.
_PAUSE_SECONDS = 0.5
# While it goes on, another attempt to decode is worth its time only with so much more.
_GROWTH = 1.25


@dataclass(frozen=True)
class DetectLanguage(Task):
    options: settings.LanguageDetection
    recognition: settings.Recognition

    async def run(self, audio: AudioSource, services: Services) -> AsyncIterator[Event]:
        upload = _Upload(audio, services, self.options.max_bytes)
        try:
            yield await self._detect(upload, services)
        except GatewayError as e:
            yield Failed(e)
        finally:
            upload.close()

    async def _detect(self, upload: "_Upload", services: Services) -> Event:
        """Once there is enough, and as often as the container needs more before anything decodes."""
        options = self.options
        if not await upload.grow(options.min_bytes, None):  # who sends nothing for too long is the protocol's matter
            received = f"{upload.file.size_bytes} of {options.min_bytes} bytes received"
            raise ClientError(f"Not enough audio data: {received}")
        deadline = time.monotonic() + options.wait_seconds
        while True:
            try:
                return await self._attempt(upload.file, services)
            except IncompleteError as e:
                failure = e
            if not await self._grow(upload, deadline):
                raise AudioError(str(failure)) from failure

    async def _attempt(self, file: MemoryFile, services: Services) -> Event:
        assert services.media is not None
        assert services.metrics is not None
        began = time.monotonic()
        options = LanguageOptions.of(self.recognition)
        with services.metrics.detection():
            async with services.media.recording(file, patient=True) as recording:
                with services.holding(recording.samples.nbytes):
                    spoken = await detect_spoken_language(recording.samples, services.speech, options)
        seconds = time.monotonic() - began
        services.metrics.detection_seconds.append(seconds)
        if spoken.probabilities is None:
            raise AudioError("nobody speaks in the audio")
        return LanguageDetected(*spoken.probabilities.likeliest, seconds)

    async def _grow(self, upload: "_Upload", deadline: float) -> bool:
        tried_bytes = upload.file.size_bytes
        if not await upload.grow(tried_bytes + 1, deadline - time.monotonic()):
            return False
        await upload.grow(round(tried_bytes * _GROWTH), _PAUSE_SECONDS)
        return True


class _Upload:
    """What has come so far."""

    def __init__(self, audio: AudioSource, services: Services, max_bytes: int) -> None:
        self.file = MemoryFile()
        self._held = services.held
        self._held_bytes = 0
        self._audio = audio
        self._max_bytes = max_bytes
        self._messages: deque[bytes] = deque()
        self._taking: asyncio.Task[Sequence[bytes]] | None = None

    async def grow(self, least_bytes: int, patience_seconds: float | None) -> bool:
        """Wait until there is so much, or for so long nothing came: whether there is so much.

        What has come by then is all there: a file in one message arrives in pieces.
        """
        while self.file.size_bytes < least_bytes:
            if not await self._more(patience_seconds):
                return False
        while self._messages or self._audio.waiting:
            if not await self._take(patience_seconds):
                break
        return True

    def close(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
        self.file.close()
        if self._held:
            self._held.give_back(self._held_bytes)

    async def _more(self, patience_seconds: float | None) -> bool:
        """Any bytes; empty messages do not count."""
        had_bytes, began = self.file.size_bytes, time.monotonic()
        while self.file.size_bytes == had_bytes:
            left = None if patience_seconds is None else patience_seconds - (time.monotonic() - began)
            if not await self._take(left):
                return False
        return True

    async def _take(self, seconds: float | None) -> bool:
        """One message, if there is one in time."""
        if not self._messages:
            # Not cancelled when the time is over: it may have taken something already.
            self._taking = self._taking or asyncio.create_task(self._audio.take())
            done, _ = await asyncio.wait({self._taking}, timeout=None if seconds is None else max(0.0, seconds))
            if not done:
                return False
            came, self._taking = self._taking.result(), None
            if not came:  # nor will anything
                return False
            self._messages.extend(came)
        await self._append(self._messages.popleft())
        return True

    async def _append(self, message: bytes) -> None:
        if self.file.size_bytes + len(message) > self._max_bytes:
            raise LimitError(f"the file is larger than {self._max_bytes} bytes")
        if self._held:
            self._held.take(len(message))
            self._held_bytes += len(message)
        self.file.append(message)
