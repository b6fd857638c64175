"""A WebSocket after its handshake (RFC 6455): what arrives is handed on in the call that brought it.

Only where many speak does audio wait a moment for others'. aiohttp parses the request that asks for it and forgets it
then. Messages are unmasked and put aside while they arrive, so that a large one never holds
up the others, and what has come of it is held from the first byte on. Pings are answered here, whoever does not read.
"""

import asyncio
import time
from typing import Protocol

from frontend.config import settings
from frontend.connection import handshake
from frontend.connection.arriving import Arriving, Bounds
from frontend.connection.framing import CLOSE, PING, PONG, TEXT, Chunk, Closing, FrameParser, close_payload
from frontend.connection.gathering import Gathering
from frontend.connection.keepalive import has_left, probe_when_quiet
from frontend.connection.writing import Writer, Writes, end_writing
from frontend.dialogue.messages import LARGE_BYTES, RawMessage
from frontend.errors import FramingError, GatewayError
from frontend.memory.budget import Lease

# So many messages are handed on between two turns of the event loop.
_AT_ONCE = 8
# Of a client that has more at once, a read is all until the next turn: libuv would read 32 times before anybody else.
_READ_BYTES = 64 << 10


class Listener(Protocol):
    """What happens on a connection, told as it happens."""

    def message(self, message: RawMessage) -> None: ...

    def writable(self) -> None:
        """The client reads again."""
        ...

    def broken(self, error: GatewayError) -> None:
        """Nothing more can be understood: what the client sent is no WebSocket's, or too much."""
        ...

    def gone(self) -> None:
        """The client closes, or vanished."""
        ...


class WebSocket(asyncio.Protocol):
    """Takes the transport over from aiohttp."""

    def __init__(
        self, transport: asyncio.Transport, bounds: Bounds, options: settings.Server, others: Gathering, writes: Writes
    ) -> None:
        self._transport, self._writer = transport, Writer(transport, writes)
        self._bounds = bounds
        self._place = others.place(self._go_on)
        self._linger_seconds = options.close_linger_seconds
        self._parser = FrameParser(bounds.message_bytes)
        self._arriving: Arriving | None = None
        self._listener: Listener | None = None
        self._held_back = self._paused = self._has_had = False
        self._again: asyncio.Handle | None = None
        self._pong: bytes | None = None
        self._closing: Closing | None = None  # the client's
        self._said_close = self._gone = self._vanished = self._broken = False
        self._discarded_bytes, self.most_kept_bytes = 0, bounds.message_bytes
        # Nothing more comes of the client; and its transport is closed.
        self._over, self._lost = (asyncio.get_running_loop().create_future() for _ in range(2))
        self.writable = True
        self._heard_seconds = time.monotonic()
        probe_when_quiet(transport, options.keepalive_seconds)

    def listen(self, listener: Listener) -> None:
        """Read from now on: at once after the handshake, before the client could say anything."""
        self._listener = listener
        below = self._transport.get_protocol()
        self._transport.set_protocol(self)
        if early := handshake.taken_over(below):
            self.data_received(early)

    @property
    def quiet_seconds(self) -> float:
        """How long nothing of any message has come."""
        return time.monotonic() - self._heard_seconds

    @property
    def has_left(self) -> bool:
        return has_left(self._transport)

    def send(self, text: bytes) -> None:
        if not self._said_close and not self._gone:
            self._writer.write(TEXT, text)

    def hold_back(self, held_back: bool) -> None:
        """Whether the client has to wait: what has come is not handed on meanwhile, nor more read."""
        if held_back != self._held_back:
            self._held_back = held_back
            if not held_back:
                self._soon()
            self._flow()

    async def close(self, code: int, reason: str) -> None:
        """Send the Close frame, then read and discard until the client closes or a short time has passed.

        A Close of the client's own is answered with its code.
        """
        self._listener = None
        self._place.may_wait = False
        self._drop()
        if not self._gone and not self._transport.is_closing():
            if self._closing is not None:
                code, reason = self._closing.code, ""
            self._held_back = False
            self._flow()
            self._soon()
            self._said_close = True
            self._writer.write(CLOSE, close_payload(code, reason))
            self._writer.flush()
            if self._closing is None:
                if self._broken:  # its Close will not be understood: it sees that nothing more comes, and ends it
                    end_writing(self._transport)
                await asyncio.wait({self._over}, timeout=self._linger_seconds)
        self._transport.close()  # what was written still leaves
        await asyncio.wait({self._lost}, timeout=self._linger_seconds)
        # What a client never reads would otherwise keep the socket for as long as the kernel pleases.
        self._transport.abort()

    # asyncio's side.

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        if self._again is None and not self._held_back:
            self._place.came(len(data))
        if len(data) >= _READ_BYTES:
            self._let_others()

    def eof_received(self) -> bool:
        self._vanish()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._vanish()
        self._end()
        self._place.leave()
        self._lost.set_result(None)

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        if self._pong is not None:
            data, self._pong = self._pong, None
            self._answer_ping(data)
        if self._listener is not None:
            self._listener.writable()

    # What the client sends.

    def _go_on(self) -> None:
        self._again = None
        try:
            for _ in range(_AT_ONCE):
                if self._held_back or not self._parser.waiting or (item := self._parser.next()) is None:
                    break
                if isinstance(item, Chunk):
                    self._take(item)
                elif isinstance(item, Closing):
                    self._closing = item
                    self._leave()
                elif item.opcode == PING:
                    self._answer_ping(item.data)
            else:
                if self._parser.waiting:
                    self._soon()
        except GatewayError as e:
            self._broken = True
            self._drop()
            if self._listener is not None:
                self._listener.broken(e)
            elif isinstance(e, FramingError):
                self._end()  # of a client that is being hung up on: nothing more is worth waiting for
        self._flow()
        if self._vanished and self._again is None:
            self._vanished = False
            self._leave()

    def _soon(self) -> None:
        if self._again is None:
            self._again = asyncio.get_running_loop().call_soon(self._go_on)

    def _take(self, chunk: Chunk) -> None:
        if self._listener is None or self._broken:  # the rest of a message that found no room is none
            self._discard(chunk)
            return
        self._heard_seconds = time.monotonic()
        self._place.may_wait = chunk.kind == "binary"
        if chunk.whole and (size_bytes := len(chunk.data)) <= LARGE_BYTES:
            self._listener.message(RawMessage(chunk.kind, chunk.data, size_bytes, Lease(self._bounds.held, size_bytes)))
            return
        self._arriving = self._arriving or Arriving(chunk.kind, self._bounds.held, self.most_kept_bytes)
        self._arriving.add(chunk.data)
        if chunk.last:
            arrived, self._arriving = self._arriving, None
            self._listener.message(arrived.complete())

    def _discard(self, chunk: Chunk) -> None:
        """Read, so that our Close is not lost in a reset; but not for ever."""
        self._discarded_bytes += len(chunk.data)
        if self._discarded_bytes > self._bounds.discard_bytes:
            self._end()

    def _answer_ping(self, data: bytes) -> None:
        """The newest Ping's Pong while the client reads nothing: older ones pass (RFC 6455, 5.5.3)."""
        if not self.writable:
            self._pong = data
        elif not self._said_close:
            self._writer.write(PONG, data)

    def _vanish(self) -> None:
        """Behind what came before."""
        self._vanished = True
        self._go_on()

    def _leave(self) -> None:
        """The client says no more."""
        (self._end if self._listener is None else self._listener.gone)()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _drop(self) -> None:
        if self._arriving is not None:
            self._arriving.complete().close()
            self._arriving = None

    def _let_others(self, first: bool = True) -> None:
        self._has_had = first
        self._flow()
        if first:
            asyncio.get_running_loop().call_soon(self._let_others, False)

    def _flow(self) -> None:
        """Let the client send while there is room for it, what came is looked at, and others had their turn."""
        paused = self._held_back or self._has_had or (self._parser.waiting and self._again is not None)
        if paused != self._paused and not self._transport.is_closing():
            self._paused = paused
            (self._transport.pause_reading if paused else self._transport.resume_reading)()
