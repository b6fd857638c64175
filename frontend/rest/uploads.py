"""Bodies of requests as they arrive: within the limit of one and the share of all, and never too slowly.

Audio comes as a multipart file or as bare samples, and is kept in a memory file until it is decoded.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from frontend.connection.shared import SHARED
from frontend.errors import AudioError, ClientError, LimitError, MediaTypeError, SlowUploadError
from frontend.media.decoder import Recording
from frontend.memory.memory_file import MemoryFile
from frontend.rest.entrance import VISIT
from frontend.rest.parts import Parts

_PARTS = ("wav_file", "audio_file")
BLOCK_BYTES = 1 << 16
# So much must come within limits.upload_idle_seconds: half a second of the most compressed speech there is.
_PROGRESS_BYTES = 4096


class Upload:
    """One body on its way in, kept in a memory file. What it holds of the share is given back however it ends."""

    def __init__(self, request: web.Request, limit_bytes: int) -> None:
        shared = request.app[SHARED]
        self.file = MemoryFile()
        self._share = shared.uploads
        self._limit_bytes = limit_bytes
        self._idle_seconds = shared.options.limits.upload_idle_seconds
        self._visit = request[VISIT]
        self._came_bytes = self._seen_bytes = self._held_bytes = 0
        self._clock = asyncio.timeout(None)

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()
        self._visit.received(self._came_bytes)

    @contextlib.asynccontextmanager
    async def arriving(self) -> AsyncIterator[None]:
        """Whatever reads the body inside is stopped when it does not go on."""
        try:
            async with self._clock:
                self._wind()
                yield
        except TimeoutError as e:
            if not self._clock.expired():
                raise  # the client's connection timed out
            raise SlowUploadError(f"less than {_PROGRESS_BYTES} bytes came in {self._idle_seconds:g} s") from e

    def add(self, block: bytes) -> None:
        self.skip(block)
        self.hold(len(block))
        self.file.append(block)

    def skip(self, block: bytes) -> None:
        """Count a block that nobody needs."""
        self._came_bytes += len(block)
        if self._came_bytes > self._limit_bytes:
            raise LimitError(f"the body is larger than {self._limit_bytes} bytes")
        if self._came_bytes - self._seen_bytes >= _PROGRESS_BYTES:
            self._seen_bytes = self._came_bytes
            self._wind()

    def hold(self, size_bytes: int) -> None:
        self._share.take(size_bytes)
        self._held_bytes += size_bytes

    def forget(self) -> None:
        self.file.close()
        self._share.give_back(self._held_bytes)
        self._held_bytes = 0

    def _wind(self) -> None:
        self._clock.reschedule(asyncio.get_running_loop().time() + self._idle_seconds)


@contextlib.asynccontextmanager
async def recording_from_file(request: web.Request) -> AsyncIterator[Recording]:
    """The multipart part `wav_file` or `audio_file`, in any format."""
    if not request.content_type.startswith("multipart/"):
        raise MediaTypeError("send multipart/form-data with the part wav_file or audio_file")
    with Upload(request, limit_bytes(request)) as upload:
        async with upload.arriving():
            await _take_part(request, upload)
        async with decoded(request, upload) as recording:
            yield recording


@contextlib.asynccontextmanager
async def recording_from_samples(request: web.Request) -> AsyncIterator[Recording]:
    """A body of 16-bit samples; their rate stands in the query."""
    if request.content_type != "application/octet-stream":
        raise MediaTypeError("send application/octet-stream with 16-bit little-endian samples")
    text = request.query.get("sample_rate", "")
    try:
        rate = float(text)
    except ValueError as e:
        raise ClientError("the query parameter sample_rate is missing or not a number") from e
    if not (rate.is_integer() and 8000 <= rate <= 96_000):
        raise ClientError("sample_rate must be a whole number from 8000 to 96000")
    with Upload(request, limit_bytes(request)) as upload:
        await take_all(request, upload)
        if upload.file.size_bytes < 2:
            raise AudioError("the body holds no samples")
        async with decoded(request, upload, int(rate)) as recording:
            yield recording


async def take_all(request: web.Request, upload: Upload) -> None:
    """The whole body."""
    async with upload.arriving():
        async for block in request.content.iter_any():
            upload.add(block)


@contextlib.asynccontextmanager
async def decoded(request: web.Request, upload: Upload, pcm_rate: int | None = None) -> AsyncIterator[Recording]:
    """The recording in place of the upload, for as long as it is used."""
    async with request.app[SHARED].media.recording(upload.file, pcm_rate) as recording:
        request[VISIT].hear(recording.client_samples / recording.client_rate)
        upload.forget()
        upload.hold(recording.samples.nbytes)
        yield recording


async def _take_part(request: web.Request, upload: Upload) -> None:
    """The parts up to the wanted one and with it; what follows it is not read."""
    try:
        parts = Parts(request)
        while (part := await parts.next()) is not None:
            wanted = part.name in _PARTS
            while block := await part.read_chunk(BLOCK_BYTES):
                (upload.add if wanted else upload.skip)(block)
            if wanted:
                return
    except (ValueError, AssertionError, RuntimeError, HttpProcessingError) as e:
        raise ClientError("the multipart body is malformed") from e
    raise ClientError("the part wav_file or audio_file is missing")


def limit_bytes(request: web.Request) -> int:
    return request.app[SHARED].options.limits.upload_bytes
