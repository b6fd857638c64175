"""Events as Wyoming's clients write them: a line of JSON, then as many bytes of data and payload as it says.

Nothing that a header says is awaited before it was looked at: a line that does not end, a length that is none or too
large ends the conversation.
"""

import json
from dataclasses import dataclass
from typing import Any

from frontend.errors import FramingError, LimitError
from frontend.media import json_audio

# A header and its data are short: what is longer is none.
MOST_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class Part:
    """Of an event: its header with its data as one JSON object, or a piece of its payload."""

    data: bytes
    is_header: bool
    last: bool = True


class EventParser:
    """Fed what comes; gives the parts that are complete."""

    def __init__(self, most_payload_bytes: int) -> None:
        self._most_payload_bytes = most_payload_bytes
        self._buffer = bytearray()
        self._searched = 0  # so far no line ends
        self._header: dict[str, Any] | None = None
        self._data_bytes = self._payload_bytes = 0  # of it that are still to come

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def held_bytes(self) -> int:
        return len(self._buffer)

    @property
    def amid_header(self) -> bool:
        """Whether one has begun that is not complete."""
        return self._header is not None or (bool(self._buffer) and not self._payload_bytes)

    @property
    def waiting(self) -> bool:
        """Whether there may be another part."""
        return bool(self._buffer)

    def next(self) -> Part | None:
        """FramingError for what is no event, LimitError for one that is too large."""
        if self._header is None and self._payload_bytes:
            return self._payload()
        if self._header is None and not self._read_line():
            return None
        if len(self._buffer) < self._data_bytes:
            return None
        header, self._header = self._header, None
        assert header is not None
        data, more = header.get("data"), _object(self._take(self._data_bytes)) if self._data_bytes else {}
        event = {"type": header["type"], "data": {**(data if isinstance(data, dict) else {}), **more}}
        # Half of a surrogate pair, which JSON may hold, could not be written out again.
        return Part(json.dumps(event, ensure_ascii=False).encode(errors="replace"), True)

    def _payload(self) -> Part | None:
        piece = self._take(min(len(self._buffer), self._payload_bytes))
        self._payload_bytes -= len(piece)
        return Part(piece, False, self._payload_bytes == 0) if piece else None

    def _read_line(self) -> bool:
        end = self._buffer.find(b"\n", self._searched, MOST_HEADER_BYTES)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched >= MOST_HEADER_BYTES:
                raise FramingError(
                    f"no line ends within {MOST_HEADER_BYTES} bytes: an event begins with a line of JSON"
                )
            return False
        self._searched = 0
        header = _object(self._take(end + 1))
        if not isinstance(header.get("type"), str):
            raise FramingError("an event says its type")
        self._data_bytes = _length(header, "data_length", MOST_HEADER_BYTES)
        self._payload_bytes = _length(header, "payload_length", self._most_payload_bytes)
        self._header = header
        return True

    def _take(self, size_bytes: int) -> bytes:
        taken = bytes(self._buffer[:size_bytes])
        del self._buffer[:size_bytes]
        return taken


def _object(text: bytes) -> dict[str, Any]:
    if not json_audio.is_simple(text):
        raise FramingError("an event has too many parts")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise FramingError("an event begins with a line of JSON") from e
    if not isinstance(content, dict):
        raise FramingError("an event is a JSON object")
    return content


def _length(header: dict[str, Any], name: str, most_bytes: int) -> int:
    length = header.get(name)
    if length is None:
        return 0
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise FramingError(f"{name} must be a number of bytes")
    if length > most_bytes:
        raise LimitError(f"{name} is more than {most_bytes} bytes")
    return length
