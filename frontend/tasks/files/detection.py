"""Detect the language of a media file that comes in pieces, as soon as there is enough of it."""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from frontend.config import services, settings
from frontend.dialogue.events import Event, Failed, LanguageDetected
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Audio, Stream, Task
from frontend.errors import AudioError, ClientError, GatewayError, IncompleteError, LimitError
from frontend.memory.memory_file import MemoryFile
from frontend.tasks.files.language import LanguageOptions, detect_spoken_language

# A client that has sent nothing for so long may be done.
_PAUSE_SECONDS = 0.5
# One that sends at once has sent all when nothing came for so long; it is waited for so long at most.
_SETTLING_SECONDS, _LONGEST_SETTLING_SECONDS = 0.02, 0.3
# While it goes on, another attempt to decode is worth its time only with so much more.
_GROWTH = 1.25


@dataclass(frozen=True)
class DetectLanguage(Task):
    options: services.LanguageDetection
    recognition: settings.Recognition

    def begin(self, stream: Stream) -> Coroutine[Any, Any, None]:
        return self._answer(stream)

    async def _answer(self, stream: Stream) -> None:
        upload = _Upload(stream.audio, self.options.max_bytes)
        try:
            stream.tell(await self._detect(upload, stream.services))
        except GatewayError as e:
            stream.tell(Failed(e))
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
                services.hear(recording.client_samples / recording.client_rate)
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

    def __init__(self, audio: Audio, max_bytes: int) -> None:
        self.file = MemoryFile()
        self._lease = audio.lease()
        self._audio = audio
        self._max_bytes = max_bytes
        self._messages: deque[bytes] = deque()

    async def grow(self, least_bytes: int, patience_seconds: float | None) -> bool:
        """Wait until there is so much, or for so long nothing came: whether there is so much.

        Whoever is still sending then is waited for a moment: a file that is sent in one go arrives in pieces.
        """
        while self.file.size_bytes < least_bytes:
            if not await self._more(patience_seconds):
                return False
        until_seconds = time.monotonic() + _LONGEST_SETTLING_SECONDS
        while self._messages or time.monotonic() < until_seconds:
            if not await self._take(_SETTLING_SECONDS):
                break
        return True

    def close(self) -> None:
        self.file.close()
        self._lease.close()

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
        while not self._messages:
            try:
                async with asyncio.timeout(None if seconds is None else max(0.0, seconds)):
                    await self._audio.wait()
            except TimeoutError:
                return False
            self._messages.extend(self._audio.take())
            if not self._messages and self._audio.over:  # nor will anything come
                return False
        self._append(self._messages.popleft())
        return True

    def _append(self, message: bytes) -> None:
        if self.file.size_bytes + len(message) > self._max_bytes:
            raise LimitError(f"the file is larger than {self._max_bytes} bytes")
        self._lease.grow(len(message))
        self.file.append(message)
