"""What is written leaves when the event loop's turn is over: the replies of one connection together, all in a row.

A write costs as much as several replies, and less where the one before it has just gone the same way.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from frontend.connection.framing import frame_head

# So many have their turn, then the event loop.
_AT_ONCE = 64
# More than this of one connection does not wait: only its transport knows whether the client reads.
_MOST_BYTES = 64 << 10


def end_writing(transport: asyncio.Transport) -> None:
    """Nothing more comes from here; who is gone already needs not to be told."""
    if transport.can_write_eof():
        with contextlib.suppress(OSError):
            transport.write_eof()


class Writes:
    """Those of all connections of a process that are due."""

    def __init__(self) -> None:
        self._due: deque[Callable[[], None]] = deque()

    def soon(self, write: Callable[[], None]) -> None:
        if not self._due:
            asyncio.get_running_loop().call_soon(self._write)
        self._due.append(write)

    def _write(self) -> None:
        try:
            for _ in range(min(_AT_ONCE, len(self._due))):
                self._due.popleft()()
        finally:  # whatever becomes of one, the others are written
            if self._due:
                asyncio.get_running_loop().call_soon(self._write)


class Writer:
    """One connection's."""

    def __init__(self, transport: asyncio.Transport, writes: Writes) -> None:
        self._transport = transport
        self._writes = writes
        self._parts: list[bytes] = []
        self._size_bytes = 0

    def write(self, opcode: int, payload: bytes) -> None:
        """A frame, in its two parts: they are copied once, when all leave."""
        first = not self._parts
        self._parts += (frame_head(opcode, len(payload)), payload)
        self._size_bytes += len(payload)
        if self._size_bytes > _MOST_BYTES:
            self.flush()
        elif first:
            self._writes.soon(self.flush)

    def flush(self) -> None:
        parts, self._parts, self._size_bytes = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))
