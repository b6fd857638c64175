"""A live stream's audio on its way in: kept at once, worked on as fast as the models allow.

What has arrived is written to the record before any model hears it, up to a bound: a client that pushes a long
recording waits in the session's backlog behind it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from frontend.dialogue.commands import AudioSource
from frontend.media.stream import AudioFormat
from frontend.speech import RATE
from frontend.tasks.live.recorder import Keeping

# A minute at 16 kHz; of it so much is worked on at a time.
_WAITING_BYTES = 2 << 20
_TAKE_BYTES = 256 << 10
# A resampler gives its last samples when more come, and the last window may want some: this brings both.
_FLUSH_SECONDS = 0.1
_ARRIVAL_GRACE_SECONDS = 0.5


class Intake(AudioSource):
    """Between the backlog and the listener."""

    def __init__(self, source: AudioSource, audio: AudioFormat, keeping: Keeping) -> None:
        self._source = source
        self._keeping = keeping
        self._bytes_per_second = 2 * audio.rate
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._changed = asyncio.Event()
        self._over = self._flushed = False
        self._received_bytes = 0
        self.takes = 0
        self._began_seconds: float | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> bool:
        return bool(self._waiting) or self._source.waiting

    @property
    def interrupted(self) -> bool:
        return self._source.interrupted

    @property
    def total_samples(self) -> int:
        """What the client sent so far, at 16 kHz."""
        return self._received_bytes * RATE // self._bytes_per_second

    @property
    def due_samples(self) -> int:
        """Of these, what a client that speaks could have said by now: a recording pushed faster is not late."""
        if self._began_seconds is None:
            return 0
        spoken_seconds = time.monotonic() - self._began_seconds + _ARRIVAL_GRACE_SECONDS
        return min(self.total_samples, round(spoken_seconds * RATE))

    async def take(self) -> Sequence[bytes]:
        """What waits; at the end a little silence, so that the last sample is heard, then nothing."""
        self._pump = self._pump or asyncio.create_task(self._fill())
        self.takes += 1
        while not self._waiting and not self._over:
            self._changed.clear()
            await self._changed.wait()
        if self._waiting:
            return self._pop()
        self._pump.result()
        if self._flushed:
            return []
        self._flushed = True
        return [bytes(round(_FLUSH_SECONDS * self._bytes_per_second) // 2 * 2)]

    def again(self) -> None:
        """Hand out an empty message: what the models refused is asked again."""
        self._waiting.append(b"")
        self._changed.set()

    async def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    def _pop(self) -> list[bytes]:
        messages, size_bytes = [self._waiting.popleft()], 0
        while self._waiting and size_bytes + len(self._waiting[0]) <= _TAKE_BYTES:
            messages.append(self._waiting.popleft())
            size_bytes += len(messages[-1])
        self._waiting_bytes -= sum(map(len, messages))
        self._changed.set()
        return messages

    async def _fill(self) -> None:
        try:
            while messages := await self._source.take():
                self._began_seconds = self._began_seconds or time.monotonic()
                pcm = b"".join(messages)
                await self._keeping.audio(pcm)
                self._received_bytes += len(pcm)
                self._waiting.append(pcm)
                self._waiting_bytes += len(pcm)
                self._changed.set()
                await self._until_room()
        finally:
            self._over = True
            self._changed.set()

    async def _until_room(self) -> None:
        while self._waiting_bytes > _WAITING_BYTES:
            self._changed.clear()
            await self._changed.wait()
