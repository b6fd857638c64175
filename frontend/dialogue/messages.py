"""Messages as they come over a connection, before a protocol sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from frontend.memory.memory_file import MemoryFile

FrameKind = Literal["text", "binary"]


# A message that is larger is kept outside the heap, and handled where it holds nobody up.
LARGE_BYTES = 256 << 10


@dataclass(frozen=True)
class Frame:
    """A message as it came. Text is not decoded yet; of one that is far too large only the size is known."""

    kind: FrameKind
    content: bytes | MemoryFile
    size_bytes: int

    def data(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.content()

    def close(self) -> None:
        if isinstance(self.content, MemoryFile):
            self.content.close()


@dataclass(frozen=True)
class JsonMessage:
    """A frame that holds JSON, read without holding anybody up.

    `fields` is None where it is no JSON object, and `error` says so. The base64 of its field `audio`, decoded, is in
    `audio`; where that is not base64, `audio_error` says so. The file lives until the message is answered.
    """

    fields: Mapping[str, Any] | None
    error: str = ""
    audio: MemoryFile | None = None
    audio_error: str = ""


class Socket(Protocol):
    """The connection as the session needs it."""

    async def receive(self) -> Frame | None:
        """The next message; None when the client is gone. Pings are answered below."""
        ...

    @property
    def quiet_seconds(self) -> float:
        """How long nothing of any message has come."""
        ...

    async def send(self, data: bytes) -> None: ...

    async def close(self, code: int, reason: str) -> None:
        """Send the Close frame, then read and discard until the client closes or a short time has passed."""
        ...
