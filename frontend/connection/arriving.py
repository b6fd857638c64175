"""A message on its way in: what has come of it is held from the first byte on."""

from dataclasses import dataclass

from frontend.dialogue.messages import LARGE_BYTES, FrameKind, RawMessage
from frontend.memory.budget import Allowance
from frontend.memory.memory_file import MemoryFile


@dataclass(frozen=True)
class Bounds:
    """How large a message may be, how much more is read and discarded at the end, and where messages are held."""

    message_bytes: int
    discard_bytes: int
    held: Allowance


class Arriving:
    """A message that is not complete."""

    def __init__(self, kind: FrameKind, held: Allowance, most_bytes: int) -> None:
        """Of one of more bytes nothing is kept but that it came."""
        self._kind = kind
        self._left_bytes = most_bytes
        self._lease = held.lease()
        self._data = bytearray()  # in one piece: fragments of a byte would take fifty each
        self._file: MemoryFile | None = None

    def add(self, data: bytes) -> None:
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            self._drop()
            return
        self._lease.grow(len(data))
        if self._file is not None:
            self._file.append(data)
        else:
            self._data += data
            if self._lease.size_bytes > LARGE_BYTES:
                self._file = MemoryFile()
                self._file.append(self._data)
                self._data = bytearray()

    def _drop(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._data = None, bytearray()
        self._lease.close()

    def complete(self) -> RawMessage:
        content = self._file if self._file is not None else bytes(self._data)
        return RawMessage(self._kind, content, self._lease.size_bytes, self._lease)
