"""WebSocket frames out of the bytes of a connection (RFC 6455, 5), unmasked as they come.

A message of 64 MiB that is joined and unmasked when its last byte is there holds up everybody for seconds; in the
pieces in which it arrives it is not noticed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from frontend.dialogue.messages import FrameKind
from frontend.errors import FramingError

CLOSE, PING, PONG = 8, 9, 10
_CONTINUATION = 0
_KINDS: dict[int, FrameKind] = {1: "text", 2: "binary"}
_MAX_CONTROL_BYTES = 125


@dataclass(frozen=True)
class Chunk:
    """A part of a message."""

    kind: FrameKind
    data: bytes
    last: bool


@dataclass(frozen=True)
class Control:
    opcode: int
    data: bytes


@dataclass
class _Open:
    """A frame whose payload has not come to its end."""

    final: bool
    opcode: int
    mask: bytes
    left_bytes: int
    done_bytes: int = 0

    @property
    def is_control(self) -> bool:
        return self.opcode >= CLOSE

    def take(self, data: bytes) -> bytes:
        taken = _unmasked(data, self.mask, self.done_bytes)
        self.done_bytes += len(data)
        self.left_bytes -= len(data)
        return taken


class FrameParser:
    def __init__(self) -> None:
        self._rest = b""
        self._frame: _Open | None = None
        # Of the message that is not complete.
        self._kind: FrameKind | None = None

    def feed(self, data: bytes) -> Iterator[Chunk | Control]:
        """What the bytes bring; FramingError for what no client may send."""
        data, at = self._rest + data if self._rest else data, 0
        self._rest = b""
        while True:
            if self._frame is None:
                opened = _header(data, at)
                if opened is None:
                    break
                self._frame, at = opened
                self._check(self._frame)
            frame = self._frame
            if frame.is_control and len(data) - at < frame.left_bytes:
                break
            part = frame.take(data[at : at + frame.left_bytes])
            at += len(part)
            yield self._item(frame, part)
            if frame.left_bytes:
                break
            self._frame = None
        self._rest = data[at:]

    def _check(self, frame: _Open) -> None:
        if frame.is_control:
            if frame.opcode > PONG or not frame.final or frame.left_bytes > _MAX_CONTROL_BYTES:
                raise FramingError("a control frame that is none")
        elif frame.opcode == _CONTINUATION:
            if self._kind is None:
                raise FramingError("a message goes on that never began")
        elif self._kind is not None or frame.opcode not in _KINDS:
            raise FramingError("a message begins inside another, or is of no known kind")
        else:
            self._kind = _KINDS[frame.opcode]

    def _item(self, frame: _Open, part: bytes) -> Chunk | Control:
        if frame.is_control:
            return Control(frame.opcode, part)
        assert self._kind is not None
        kind, last = self._kind, frame.final and not frame.left_bytes
        if last:
            self._kind = None
        return Chunk(kind, part, last)


def _header(data: bytes, at: int) -> tuple[_Open, int] | None:
    """The frame that begins there, and where its payload begins; None while its header is not complete."""
    if len(data) - at < 2:
        return None
    first, second = data[at], data[at + 1]
    if first & 0x70:
        raise FramingError("an extension that was not agreed on")
    length, at = second & 0x7F, at + 2
    wide = {126: 2, 127: 8}.get(length, 0)
    masked = 4 if second & 0x80 else 0
    if len(data) - at < wide + masked:
        return None
    if wide:
        length = int.from_bytes(data[at : at + wide], "big")
    mask = data[at + wide : at + wide + masked]
    return _Open(bool(first & 0x80), first & 0x0F, mask, length), at + wide + masked


def _unmasked(data: bytes, mask: bytes, offset: int) -> bytes:
    if not mask or not data:
        return data
    turn = offset % 4
    key = int.from_bytes(mask[turn:] + mask[:turn], "little")
    padded = data if len(data) % 4 == 0 else data + bytes(-len(data) % 4)
    return (np.frombuffer(padded, "<u4") ^ np.uint32(key)).tobytes()[: len(data)]
