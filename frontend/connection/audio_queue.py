"""Audio that waits for the models: in memory for a few seconds, beyond that in a file without a name.

The reader of a connection puts every message in and never waits for a model; the work takes them out in order.
"""

import asyncio
import itertools
import os
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontend.errors import OverloadedError
from frontend.memory.budget import Budget
from frontend.memory.memory_file import MemoryFile

_WRITE_BYTES = 256 << 10
# What one take hands out at most: the work answers these before it looks again.
_TAKE_BYTES = 256 << 10
_TAKE_MESSAGES = 64
# Messages that need not stay apart are joined to about this: each that waits costs more than its bytes.
_JOINED_BYTES = 4096


@dataclass(frozen=True)
class BacklogOptions:
    memory_bytes: int
    directory: Path


class Backlog:
    """One connection's queue of messages: oldest in memory, then the file, then the newest, not written yet."""

    def __init__(self, options: BacklogOptions, held: Budget, spooled: Budget) -> None:
        self._options = options
        self._held = held
        self._spooled = spooled
        self._oldest: deque[bytes] = deque()
        self._newest: deque[bytes] = deque()
        self._held_bytes = 0
        self._newest_bytes = 0
        self._file: int | None = None
        self._lengths: deque[int] = deque()
        self._read_at = self._written_to = 0
        self._file_lock = asyncio.Lock()
        self._on_disk: asyncio.Future[Any] | None = None
        self._arrived = asyncio.Event()
        self._over = False
        self._putting = 0
        self.interrupted = False

    @property
    def waiting(self) -> bool:
        """Whether take() has something to give at once, or is about to."""
        return bool(self._putting or self._oldest or self._lengths or self._newest)

    async def put(self, message: bytes | MemoryFile, apart: bool = True) -> None:
        """Keep a message, a large one in pieces; waits for the disk at most.

        OverloadedError when neither memory nor disk may take it.
        """
        self._putting += 1
        try:
            for piece in [message] if isinstance(message, bytes) else message.pieces():
                await self._put(piece, apart)
        finally:
            self._putting -= 1

    async def take(self) -> Sequence[bytes]:
        """The oldest messages, as soon as there is one; none when all have been taken and no more will come."""
        while True:
            async with self._file_lock:
                messages = self._pop(self._oldest) or await self._read() or self._pop(self._newest)
            if messages or self._over:
                return messages
            self._arrived.clear()
            await self._arrived.wait()

    def end(self, interrupted: bool = False) -> None:
        """No more will come: the client said so, or it vanished."""
        self.interrupted = self.interrupted or (interrupted and not self._over)
        self._over = True
        self._arrived.set()

    async def close(self) -> None:
        """Free everything; what was not taken is gone."""
        if self._on_disk is not None:
            # Its reader may have been cancelled; the thread still uses the file.
            await asyncio.wait({self._on_disk})
        self._held.give_back(self._held_bytes)
        self._spooled.give_back(self._written_to)
        self._held_bytes = self._written_to = 0
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def _put(self, message: bytes, apart: bool) -> None:
        self._held.take(len(message))
        self._held_bytes += len(message)
        if self._lengths or self._newest or self._held_bytes > self._options.memory_bytes:
            _add(self._newest, message, apart)
            self._newest_bytes += len(message)
        else:
            _add(self._oldest, message, apart)
        self._arrived.set()
        if self._newest_bytes >= min(_WRITE_BYTES, self._options.memory_bytes):
            async with self._file_lock:
                await self._write()

    def _pop(self, queue: deque[bytes]) -> list[bytes]:
        messages: list[bytes] = []
        size_bytes = 0
        while queue and len(messages) < _TAKE_MESSAGES and (not messages or size_bytes + len(queue[0]) <= _TAKE_BYTES):
            messages.append(queue.popleft())
            size_bytes += len(messages[-1])
        if queue is self._newest:
            self._newest_bytes -= size_bytes
        self._free(size_bytes)
        return messages

    def _free(self, size_bytes: int) -> None:
        self._held.give_back(size_bytes)
        self._held_bytes -= size_bytes

    async def _write(self) -> None:
        messages, self._newest = self._newest, deque()
        size_bytes, self._newest_bytes = self._newest_bytes, 0
        if not messages:
            return
        self._spooled.take(size_bytes)
        self._written_to += size_bytes
        try:
            await self._in_thread(self._append, b"".join(messages), self._written_to - size_bytes)
        except OSError as e:
            raise OverloadedError("the gateway's disk takes no more audio, try again later") from e
        self._lengths.extend(len(message) for message in messages)
        self._free(size_bytes)

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        self._on_disk = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
        return await asyncio.shield(self._on_disk)

    def _append(self, data: bytes, offset: int) -> None:
        if self._file is None:
            self._options.directory.mkdir(parents=True, exist_ok=True)
            self._file, name = tempfile.mkstemp(dir=self._options.directory)
            os.unlink(name)
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, offset)
            view, offset = view[written:], offset + written

    async def _read(self) -> list[bytes]:
        if not self._lengths:
            return []
        assert self._file is not None
        count, size_bytes = 1, self._lengths[0]
        for length in itertools.islice(self._lengths, 1, _TAKE_MESSAGES):
            if size_bytes + length > _TAKE_BYTES:
                break
            count, size_bytes = count + 1, size_bytes + length
        data: bytes = await self._in_thread(os.pread, self._file, size_bytes, self._read_at)
        self._read_at += size_bytes
        messages, offset = [], 0
        for _ in range(count):
            length = self._lengths.popleft()
            messages.append(data[offset : offset + length])
            offset += length
        if not self._lengths:  # drained: the file begins anew
            await self._in_thread(os.ftruncate, self._file, 0)
            self._spooled.give_back(self._written_to)
            self._read_at = self._written_to = 0
        return messages


def _add(queue: deque[bytes], message: bytes, apart: bool) -> None:
    if not apart and queue and len(queue[-1]) + len(message) <= _JOINED_BYTES:
        queue[-1] += message
    else:
        queue.append(message)
