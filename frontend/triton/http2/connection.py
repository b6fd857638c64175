"""One connection to a server, with many calls at once, in the event loop alone.

gRPC's library hands each call to threads of its own and back. In a process that sleeps between calls each of them wakes
up in cold caches: together they took two thirds of what a call cost (docs/benchmarks/density.md).
"""

import asyncio
import struct
from collections.abc import Mapping
from typing import NamedTuple, cast

from frontend.triton.http2 import frames, hpack
from frontend.triton.http2.bodies import Bodies, Pieces
from frontend.triton.http2.frames import frame, window_update, without_padding

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# What the server may send at once; so much of it is read before it may send more.
_FRAME_BYTES, _READ_BYTES = 1 << 20, 1 << 29
_MOST_BLOCK_BYTES, _CLOSING_SECONDS = 1 << 16, 1.0
_OUR_SETTINGS = {
    frames.HEADER_TABLE_SIZE: 0,
    frames.ENABLE_PUSH: 0,
    frames.INITIAL_WINDOW_SIZE: frames.WIDEST_WINDOW,
    frames.MAX_FRAME_SIZE: _FRAME_BYTES,
}


class Response(NamedTuple):
    """The fields of its beginning and of its end in one."""

    fields: Mapping[str, str]
    body: bytes


class StreamError(Exception):
    """A call that was not answered; `code` is HTTP/2's, None where the connection is gone with it."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


class _Stream:
    """One call."""

    __slots__ = ("fields", "parts", "response", "size_bytes")

    def __init__(self) -> None:
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.fields: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.size_bytes = 0


class Connection(asyncio.Protocol):
    """What the server sends that is not HTTP/2 ends it, and every call with it."""

    def __init__(self, most_bytes: int) -> None:
        """`most_bytes` of a response at most."""
        self._most_bytes = most_bytes
        self._transport: asyncio.Transport | None = None
        self._came = b""
        self._next_number = 1
        self._streams: dict[int, _Stream] = {}
        self._bodies = Bodies()
        self._read_bytes = 0
        self._block: tuple[int, int, bytes] | None = None  # of header fields that is not complete
        self._leaving = False
        self._reason = "the connection is lost"
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._takers = {
            frames.DATA: self._take_data,
            frames.HEADERS: self._take_headers,
            frames.RST_STREAM: self._take_reset,
            frames.SETTINGS: self._take_settings,
            frames.PUSH_PROMISE: self._take_promise,
            frames.PING: self._take_ping,
            frames.GOAWAY: self._take_going,
            frames.WINDOW_UPDATE: self._take_window,
            frames.CONTINUATION: self._take_more,
        }

    @property
    def usable(self) -> bool:
        """Whether it takes another call."""
        is_open = self._transport is not None and not self._transport.is_closing()
        return is_open and not self._leaving and self._next_number <= frames.LAST_NUMBER

    def call(self, block: bytes, body: bytes) -> "tuple[int, asyncio.Future[Response]]":
        """A request with these fields: its number and, when it comes, its response."""
        if self._lost.done():  # since it was made, before anybody asked
            raise StreamError(self._reason)
        number, self._next_number = self._next_number, self._next_number + 2
        stream = self._streams[number] = _Stream()
        self._bodies.add(number, block, body)
        self._write(self._bodies.due())
        return number, stream.response

    def cancel(self, number: int) -> None:
        """Its response is not wanted any more."""
        if number in self._streams:
            self._reset(number, StreamError("cancelled", frames.CANCEL))

    async def close(self) -> None:
        """Calls under way are lost."""
        if self._transport is not None:
            self._leaving = True
            self._write([frame(frames.GOAWAY, 0, 0, struct.pack(">II", 0, frames.NO_ERROR))])
            self._transport.close()
            if not (await asyncio.wait({self._lost}, timeout=_CLOSING_SECONDS))[0]:  # it takes nothing any more
                self._transport.abort()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        settings = b"".join(struct.pack(">HI", name, value) for name, value in _OUR_SETTINGS.items())
        more = window_update(0, frames.WIDEST_WINDOW - frames.FIRST_WINDOW)
        self._write([_PREFACE, frame(frames.SETTINGS, 0, 0, settings), more])

    def data_received(self, data: bytes) -> None:
        came = self._came + data if self._came else data
        at = 0
        try:
            while len(came) - at >= frames.HEAD_BYTES:
                start, size = at + frames.HEAD_BYTES, int.from_bytes(came[at : at + 3], "big")
                if size > _FRAME_BYTES:
                    raise ValueError("a frame that is too large")
                if len(came) - start < size:
                    break
                self._take(came[at:start], came[start : start + size])
                at = start + size
        except (ValueError, IndexError, struct.error) as e:
            self._leaving, self._reason = True, f"the server speaks no HTTP/2: {e}"
            cast(asyncio.Transport, self._transport).abort()
            return
        self._came = came[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._leaving = True
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            if not stream.response.done():
                stream.response.set_exception(StreamError(self._reason))
        self._lost.set_result(None)

    # What the server sends.

    def _take(self, head: bytes, payload: bytes) -> None:
        kind, flags, number = head[3], head[4], int.from_bytes(head[5:], "big") & frames.LAST_NUMBER
        if self._block is not None and (kind, number) != (frames.CONTINUATION, self._block[0]):
            raise ValueError("something else within a block of header fields")
        if (take := self._takers.get(kind)) is not None:
            take(flags, number, payload)

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        self._read_bytes += len(payload)
        if self._read_bytes >= _READ_BYTES:
            self._write([window_update(0, self._read_bytes)])
            self._read_bytes = 0
        if (stream := self._streams.get(number)) is None:  # of a call that was cancelled
            return
        data = without_padding(flags, payload)
        stream.parts.append(data)
        stream.size_bytes += len(data)
        if stream.size_bytes > self._most_bytes:
            self._reset(number, StreamError("the response is too large", frames.ENHANCE_YOUR_CALM))
        elif flags & frames.END_STREAM:
            self._end(number)

    def _take_headers(self, flags: int, number: int, payload: bytes) -> None:
        block = without_padding(flags, payload)
        self._gather(number, flags, block[5:] if flags & frames.PRIORITY else block)

    def _take_more(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is None:
            raise ValueError("header fields that go on and never began")
        _, first, block = self._block
        self._gather(number, first | flags & frames.END_HEADERS, block + payload)

    def _gather(self, number: int, flags: int, block: bytes) -> None:
        if len(block) > _MOST_BLOCK_BYTES:
            raise ValueError("too many header fields")
        self._block = None if flags & frames.END_HEADERS else (number, flags, block)
        if self._block is not None:
            return
        fields = hpack.read(block)
        if (stream := self._streams.get(number)) is not None:
            stream.fields.update(fields)
            if flags & frames.END_STREAM:
                self._end(number)

    def _take_reset(self, flags: int, number: int, payload: bytes) -> None:
        (code,) = struct.unpack(">I", payload)
        self._end(number, StreamError(f"the server ended the call (HTTP/2 error {code})", code))

    def _take_settings(self, flags: int, number: int, payload: bytes) -> None:
        if flags & frames.ACK:
            return
        for name, value in struct.iter_unpack(">HI", payload):
            self._bodies.agree(name, value)
        self._write([frame(frames.SETTINGS, frames.ACK, 0, b""), *self._bodies.due()])

    def _take_promise(self, flags: int, number: int, payload: bytes) -> None:
        raise ValueError("a promise that was declined")

    def _take_ping(self, flags: int, number: int, payload: bytes) -> None:
        if not flags & frames.ACK:
            self._write([frame(frames.PING, frames.ACK, 0, payload)])

    def _take_going(self, flags: int, number: int, payload: bytes) -> None:
        """It goes away: later calls were never looked at, and nothing new is asked."""
        last, code = struct.unpack(">II", payload[:8])
        self._leaving = True
        newest_first = reversed(list(self._streams))
        for later in [n for n in newest_first if n > last & frames.LAST_NUMBER or self._bodies.waits(n)]:
            self._end(later, StreamError(f"the server goes away (HTTP/2 error {code})", frames.REFUSED_STREAM))
        self._leave()

    def _take_window(self, flags: int, number: int, payload: bytes) -> None:
        (more_bytes,) = struct.unpack(">I", payload)
        self._bodies.widen(number, more_bytes & frames.WIDEST_WINDOW)
        self._write(self._bodies.due())

    # How a call ends.

    def _reset(self, number: int, error: StreamError) -> None:
        if not self._bodies.waits(number):
            self._write([frame(frames.RST_STREAM, 0, number, frames.CANCEL.to_bytes(4, "big"))])
        self._end(number, error)

    def _end(self, number: int, error: StreamError | None = None) -> None:
        if self._bodies.drop(number):
            self._write(self._bodies.due())
        stream = self._streams.pop(number, None)
        if stream is not None and not stream.response.done():
            if error is not None:
                stream.response.set_exception(error)
            else:
                stream.response.set_result(Response(stream.fields, b"".join(stream.parts)))
        self._leave()

    def _leave(self) -> None:
        """Whoever is on the way out goes with the last call."""
        if self._leaving and not self._streams and self._transport is not None:
            self._transport.close()

    def _write(self, pieces: Pieces) -> None:
        if pieces and self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(pieces)
