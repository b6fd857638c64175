"""One stream's audio that nobody has taken yet: the oldest in memory, then what lies on the disk, then the newest.

Its reader is handed each message the moment it comes, as long as nothing waits before it. What is too much for memory
lies on the disk: in the recording, where there is one, else in a spool; no audio is written twice.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Protocol

from frontend.connection.spool import Spool
from frontend.dialogue.tasks import AudioReader, Tee
from frontend.errors import GatewayError, OverloadedError
from frontend.memory.budget import Allowance, Lease
from frontend.memory.memory_file import MemoryFile

_WRITE_BYTES = 256 << 10
# What one take hands out at most: the reader works on these before it looks again.
_TAKE_BYTES = 256 << 10
_TAKE_MESSAGES = 64
# So often at most somebody wants to know what was said, and does not know it yet.
_MOST_FLUSHES = 1024
# Messages that need not stay apart are joined to about this: each that waits costs more than its bytes.
_JOINED_BYTES = 4096


class _Place(Protocol):
    async def read(self, offset_bytes: int, size_bytes: int) -> bytes: ...


@dataclass
class _Extent:
    """Messages that lie one behind the other on the disk."""

    place: _Place
    offset_bytes: int
    lengths: list[int]


class AudioQueue:
    """Everything is held by one lease; what the reader has taken is the reader's to hold."""

    def __init__(self, held: Allowance, memory_bytes: int, spool: Spool) -> None:
        self._held = held
        self._lease = held.lease()
        self._memory_bytes = memory_bytes
        self._spool = spool
        self._tee: Tee | None = None
        self._tee_behind = False
        self._reader: AudioReader | None = None
        self._oldest = list[bytes]()
        self._on_disk = list[_Extent]()
        self._newest, self._newest_bytes = list[bytes](), 0
        self._disk = asyncio.Lock()
        self._loading: asyncio.Task[None] | None = None
        self._ended = self.interrupted = False
        self._failure: GatewayError | None = None
        self._changed: asyncio.Event | None = None
        self.received_bytes = 0
        self.flushes = list[int]()

    # The connection's side.

    def put(self, message: bytes, lease: Lease, apart: bool = True) -> None:
        """A message and what holds it. Those that need not stay apart may be joined. OverloadedError on a full disk."""
        self.received_bytes += len(message)
        if self._tee is not None:
            self._tee_behind = self._tee.append(message)
        if self._reader is not None and not self.waiting and self._reader.receive(message, lease):
            return
        self._lease.absorb(lease)
        if self._on_disk or self._newest or self._lease.size_bytes > self._memory_bytes:
            _add(self._newest, message, apart)
            self._newest_bytes += len(message)
        else:
            _add(self._oldest, message, apart)
        self._tell()

    @property
    def full(self) -> bool:
        """Whether whoever puts has to wait for the disk first."""
        return self._tee_behind or self._newest_bytes >= min(_WRITE_BYTES, self._memory_bytes)

    async def make_room(self) -> None:
        """Bring the newest to the disk; OverloadedError when it takes no more."""
        if self._tee is not None and self._tee_behind:
            await self._tee.written()
            self._tee_behind = False
        try:
            async with self._disk:
                if self._newest:
                    await self._spill()
        finally:  # whoever takes waits for the disk
            self._tell()

    async def put_file(self, file: MemoryFile) -> None:
        for piece in file.pieces():
            self.put(piece, self._held.lease(len(piece)))
            if self.full:
                await self.make_room()

    def flush(self) -> bool:
        """Whether it could be asked for: each has an answer of its own, and no more than so many wait."""
        if has_room := len(self.flushes) < _MOST_FLUSHES:
            self.flushes.append(self.received_bytes)
            self._tell()
        return has_room

    def end(self, interrupted: bool = False) -> None:
        """No more will come: the client said so, or it vanished."""
        self.interrupted = self.interrupted or (interrupted and not self._ended)
        self._ended = True
        self._tell()

    async def close(self) -> None:
        """Free everything; what was not taken is gone."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        await self._spool.close()
        self._oldest, self._newest = [], []
        self._lease.close()

    # The task's side.

    def read_by(self, reader: AudioReader) -> None:
        self._reader = reader
        if self.waiting or self._ended:
            reader.audio_waits()

    async def record_with(self, tee: Tee) -> None:
        """What has come already, too: a stream is recorded before it is read, so its file has all of it."""
        async with self._disk:
            for message in self._oldest:
                tee.append(message)
            for extent in self._on_disk:
                tee.append(await extent.place.read(extent.offset_bytes, sum(extent.lengths)))
                await tee.written()
            for message in self._newest:
                self._tee_behind = tee.append(message)
            self._tee = tee

    def take(self) -> Sequence[bytes]:
        if self._failure is not None:
            raise self._failure
        messages = self._pop(self._oldest)
        if not messages and self._newest_is_next:
            messages = self._pop(self._newest)
            self._newest_bytes -= sum(map(len, messages))
        elif not messages:
            self._load_soon()
        return messages

    async def wait(self) -> None:
        self._changed = self._changed or asyncio.Event()
        while not (self._oldest or self.over or self._failure or self._newest_is_next):
            self._load_soon()
            self._changed.clear()
            await self._changed.wait()

    def lease(self, size_bytes: int = 0) -> Lease:
        return self._held.lease(size_bytes)

    @property
    def waiting(self) -> bool:
        return bool(self._oldest or self._on_disk or self._newest or self._disk.locked())

    @property
    def over(self) -> bool:
        return self._ended and not self.waiting

    # Between memory and disk.

    @property
    def _newest_is_next(self) -> bool:
        return bool(self._newest) and not self._on_disk and not self._disk.locked()

    def _pop(self, queue: list[bytes]) -> list[bytes]:
        count, size_bytes = _first(map(len, queue))
        messages, queue[:count] = queue[:count], []
        self._lease.shrink(size_bytes)
        return messages

    async def _spill(self) -> None:
        messages, self._newest = self._newest, []
        size_bytes, self._newest_bytes = self._newest_bytes, 0
        end_bytes, lengths = self.received_bytes, list(map(len, messages))
        if self._tee is not None and await self._tee.written() >= end_bytes:
            extent = _Extent(self._tee, end_bytes - size_bytes, lengths)
        else:
            extent = _Extent(self._spool, await self._spool.append(b"".join(messages)), lengths)
        self._on_disk.append(extent)
        self._lease.shrink(size_bytes)

    def _load_soon(self) -> None:
        if self._on_disk and self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load())

    async def _load(self) -> None:
        """The next messages come from the disk into memory, once that has room for them."""
        try:
            count, size_bytes = _first(self._on_disk[0].lengths)
            await self._lease.grow_in_time(size_bytes)
            async with self._disk:
                await self._read(self._on_disk[0], count, size_bytes)
        except GatewayError as e:
            self._failure = e
        except OSError as e:
            self._failure = OverloadedError(f"the audio that waits cannot be read: {e.strerror}")
        finally:
            self._loading = None
        self._tell()

    async def _read(self, extent: _Extent, count: int, size_bytes: int) -> None:
        lengths, extent.lengths[:count] = extent.lengths[:count], []
        data = await extent.place.read(extent.offset_bytes, size_bytes)
        extent.offset_bytes += len(data)
        self._oldest += [data[end - length : end] for length, end in zip(lengths, accumulate(lengths), strict=True)]
        if not extent.lengths:
            del self._on_disk[0]
        if not any(each.place is self._spool for each in self._on_disk):
            await self._spool.clear()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
        if self._reader is not None:
            self._reader.audio_waits()


def _first(lengths: Iterable[int]) -> tuple[int, int]:
    """How many messages one take hands out, and their bytes: taken off a list together: each alone moves the rest."""
    count = size_bytes = 0
    for length in islice(lengths, _TAKE_MESSAGES):
        if count and size_bytes + length > _TAKE_BYTES:
            break
        count, size_bytes = count + 1, size_bytes + length
    return count, size_bytes


def _add(queue: list[bytes], message: bytes, apart: bool) -> None:
    if not apart and queue and len(queue[-1]) + len(message) <= _JOINED_BYTES:
        queue[-1] += message
    else:
        queue.append(message)
