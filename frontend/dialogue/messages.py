"""Messages as they come over a connection, before a protocol sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from frontend.memory.budget import Lease
from frontend.memory.memory_file import MemoryFile

FrameKind = Literal["text", "binary"]


# A message that is larger is kept outside the heap, and handled where it holds nobody up.
LARGE_BYTES = 256 << 10


class RawMessage:
    """A message as it came. Text is not decoded yet. The lease travels with the bytes: close gives both back."""

    __slots__ = ("content", "kind", "lease", "size_bytes")

    def __init__(self, kind: FrameKind, content: bytes | MemoryFile, size_bytes: int, lease: Lease) -> None:
        self.kind = kind
        self.content = content
        self.size_bytes = size_bytes
        self.lease = lease

    def data(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.content()

    def close(self) -> None:
        if isinstance(self.content, MemoryFile):
            self.content.close()
        self.lease.close()


@dataclass(frozen=True)
class JsonMessage:
    """A message that holds JSON, read without holding anybody up.

    `fields` is None where it is no JSON object, and `error` says so. The base64 of its field `audio`, decoded, is in
    `audio`, or in a file where another process read it; where that is not base64, `audio_error` says so. The file lives
    until the message is answered.
    """

    fields: Mapping[str, Any] | None
    error: str = ""
    audio: bytes | MemoryFile | None = None
    audio_error: str = ""


Message = str | bytes | MemoryFile | JsonMessage
