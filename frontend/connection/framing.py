"""WebSocket frames out of the bytes of a connection and back (RFC 6455, 5); numbers of sections below are its own.

A message of 64 MiB that is joined and unmasked when its last byte is there holds up everybody for seconds; in the
pieces in which it arrives it is not noticed. The common message, one small frame that is all there, takes the short way
through `next`: what that costs, and what libraries would, is in docs/benchmarks/websocket.md.
"""

import codecs
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from websockets.speedups import apply_mask

from frontend.dialogue.messages import FrameKind
from frontend.errors import FramingError, MessageSizeError, NotTextError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NO_CODE = 1005  # stands for a Close without one, and is never sent (7.4.1)

_FINAL, _RESERVED, _OPCODE, _MASKED = 0x80, 0x70, 0x0F, 0x80
_KINDS: dict[int, FrameKind] = {TEXT: "text", BINARY: "binary"}
# By a frame's first byte: a message that is not fragmented.
_COMPLETE: dict[int, FrameKind] = {_FINAL | opcode: kind for opcode, kind in _KINDS.items()}
_MAX_CONTROL_BYTES = 125
_MAX_REASON_BYTES = _MAX_CONTROL_BYTES - 2
# Registered, or left to libraries and applications (7.4.1, 7.4.2, and IANA's registry).
_CLOSE_CODES = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})


@dataclass(slots=True)
class Chunk:
    """A part of a message; `whole` says that it is the only one."""

    kind: FrameKind
    data: bytes
    last: bool
    whole: bool


class Control(NamedTuple):
    """A Ping or a Pong."""

    opcode: int
    data: bytes


class Closing(NamedTuple):
    """The client's Close: nothing after it is delivered."""

    code: int
    reason: str


class FrameParser:
    """Gives what was fed, item by item; after a Close or an error nothing more.

    What a client may not send is a FramingError, a message of over `limit_bytes` a MessageSizeError before it is read.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._data, self._at = b"", 0
        # Whether `next` would look at bytes that it has not seen; whether it ever will again.
        self.waiting, self._over = False, False
        # Of the data frame that is not complete.
        self._left_bytes, self._mask, self._final = 0, b"", False
        # Of the message that is not complete.
        self._kind: FrameKind | None = None
        self._message_bytes, self._given = 0, False
        self._utf8: codecs.IncrementalDecoder | None = None

    def feed(self, data: bytes) -> None:
        if self._over or not data:
            return
        if self._data:  # the beginning of a header or of a control frame, or what the reader left for later
            self._data, self._at = self._data[self._at :] + data, 0
        else:
            self._data = data
        self.waiting = True

    def next(self) -> Chunk | Control | Closing | None:
        data, at = self._data, self._at
        if self._kind is None and len(data) - at > 8 and (kind := _COMPLETE.get(data[at])):
            size, start, least = data[at + 1] - _MASKED, at + 6, 0
            if size >= 126:  # 127, for which `least` is too much, is left to the long way
                size, start, least = data[at + 2] << 8 | data[at + 3], at + 8, 126 if size == 126 else 1 << 16
            end = start + size
            if least <= size <= self._limit_bytes and end <= len(data):
                if end == len(data):
                    self._data, self._at, self.waiting = b"", 0, False
                else:
                    self._at = end
                content = apply_mask(data[start:end], data[start - 4 : start])
                if kind == "text":
                    self._check_text(content, last=True)
                return Chunk(kind, content, True, True)
        return self._next()

    def _next(self) -> Chunk | Control | Closing | None:
        """Any frame, or part of one."""
        if not self._left_bytes:
            header = self._header()
            if header is None:
                self.waiting = False
                return None
            opcode, size, start = header
            if opcode >= CLOSE:
                return self._control(opcode, start, size)
            self._begin(opcode, size, start)
        if self._left_bytes and self._at == len(self._data):
            self._move(self._at)
            return None
        return self._part()

    def _header(self) -> tuple[int, int, int] | None:
        """The opcode, the payload's length and where it begins; None while the header is not complete."""
        data, at = self._data, self._at
        if len(data) - at < 2:
            return None
        first, second = data[at], data[at + 1]
        self._check(first, second)
        size, start = second & 0x7F, at + 2
        wide = 0 if size < 126 else 2 if size == 126 else 8
        if len(data) - start < wide + 4:
            return None
        if wide:
            size = int.from_bytes(data[start : start + wide], "big")
            if size < 126 or (wide == 8 and not 0xFFFF < size < 1 << 63):
                self._fail(FramingError("a length that is not written as it must be (5.2)"))
        return first & _OPCODE, size, start + wide + 4

    def _check(self, first: int, second: int) -> None:
        """What a frame's first two bytes may not be (5.2, 5.4, 5.5)."""
        opcode = first & _OPCODE
        if first & _RESERVED:
            self._fail(FramingError("an extension that was not agreed on (5.2)"))
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            self._fail(FramingError(f"the opcode {opcode} is reserved (5.2)"))
        if not second & _MASKED:
            self._fail(FramingError("a client's frames are masked (5.1)"))
        if opcode >= CLOSE:
            if not first & _FINAL or second & 0x7F > _MAX_CONTROL_BYTES:
                self._fail(FramingError("a control frame is whole and holds at most 125 bytes (5.5)"))
        elif (opcode == CONTINUATION) is (self._kind is None):
            wrong = "goes on that never began" if self._kind is None else "begins inside another"
            self._fail(FramingError(f"a message {wrong} (5.4)"))

    def _control(self, opcode: int, start: int, size: int) -> Control | Closing | None:
        end = start + size
        if end > len(self._data):
            self.waiting = False
            return None
        content = apply_mask(self._data[start:end], self._data[start - 4 : start])
        self._move(end)
        if opcode != CLOSE:
            return Control(opcode, content)
        closing = self._closing(content)
        self._finish()
        return closing

    def _closing(self, content: bytes) -> Closing:
        if not content:
            return Closing(NO_CODE, "")
        code = int.from_bytes(content[:2], "big")
        if len(content) == 1 or code not in _CLOSE_CODES:
            self._fail(FramingError("a Close has a valid code, or nothing (5.5.1, 7.4)"))
        try:
            return Closing(code, content[2:].decode())
        except UnicodeDecodeError:
            self._fail(NotTextError("the reason of a Close is not UTF-8"))

    def _begin(self, opcode: int, size: int, start: int) -> None:
        """A data frame whose header is complete."""
        if opcode != CONTINUATION:
            self._kind, self._message_bytes, self._given, self._utf8 = _KINDS[opcode], 0, False, None
        self._final = bool(self._data[self._at] & _FINAL)
        self._message_bytes += size
        if self._message_bytes > self._limit_bytes:
            self._fail(MessageSizeError(self._message_bytes, self._limit_bytes))
        self._left_bytes, self._mask = size, self._data[start - 4 : start]
        self._move(start)

    def _part(self) -> Chunk:
        """As much of the frame as is there."""
        at, kind = self._at, self._kind
        assert kind is not None  # _check saw to it
        content = apply_mask(self._data[at : at + self._left_bytes], self._mask)
        self._move(at + len(content))
        self._left_bytes -= len(content)
        turn = len(content) % 4
        self._mask = self._mask[turn:] + self._mask[:turn]
        last = self._final and not self._left_bytes
        if kind == "text":
            self._check_text(content, last)
        chunk = Chunk(kind, content, last, last and not self._given)
        self._given = True
        if last:
            self._kind = None
        return chunk

    def _check_text(self, content: bytes, last: bool) -> None:
        """Piece by piece, a character cut in two included (8.1)."""
        if self._utf8 is None:
            if content.isascii():
                return
            self._utf8 = codecs.getincrementaldecoder("utf-8")()
        try:
            self._utf8.decode(content, last)
        except UnicodeDecodeError:
            self._fail(NotTextError("a text message is not UTF-8"))
        if last:
            self._utf8 = None

    def _move(self, to: int) -> None:
        """What has been read is let go with the last of it."""
        if to == len(self._data):
            self._data, self._at, self.waiting = b"", 0, False
        else:
            self._at = to

    def _finish(self) -> None:
        self._over = True
        self._data, self._at, self.waiting = b"", 0, False
        self._left_bytes, self._kind, self._utf8 = 0, None, None

    def _fail(self, error: FramingError | MessageSizeError) -> NoReturn:
        self._finish()
        raise error


def frame_head(opcode: int, size: int) -> bytes:
    """What stands before a payload of this size, a whole message or a control frame's, from a server: no mask (5.1)."""
    if size < 126:
        return bytes((_FINAL | opcode, size))
    if size <= 0xFFFF:
        return bytes((_FINAL | opcode, 126, size >> 8, size & 0xFF))
    return bytes((_FINAL | opcode, 127)) + size.to_bytes(8, "big")


def close_payload(code: int, reason: str) -> bytes:
    """As much of the reason as fits, in whole characters; clients wrote some of it, not all of which is Unicode."""
    if code == NO_CODE:
        return b""
    told = reason.encode(errors="replace")[:_MAX_REASON_BYTES].decode(errors="ignore")
    return code.to_bytes(2, "big") + told.encode()
