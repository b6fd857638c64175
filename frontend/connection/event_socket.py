"""A plain connection of events: to its session it is what a WebSocket is. An event's header is a text message, its
payload the binary message behind it; instead of a Close with a code the client gets an event `error`.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import cast

from frontend.config import settings
from frontend.connection.arriving import Arriving, Bounds
from frontend.connection.event_framing import EventParser, Part
from frontend.connection.keepalive import has_left, probe_when_quiet
from frontend.connection.websocket import Listener
from frontend.connection.writing import end_writing
from frontend.dialogue.messages import RawMessage
from frontend.errors import GatewayError, SlowHeadError

# So many parts are handed on between two turns of the event loop.
_AT_ONCE = 8
_DONE = 1000


class EventSocket(asyncio.Protocol):
    """`arrived` is told of itself once it is connected."""

    def __init__(self, bounds: Bounds, options: settings.Server, arrived: Callable[["EventSocket"], None]) -> None:
        self._bounds, self._options, self._arrived = bounds, options, arrived
        self._parser = EventParser(bounds.message_bytes)
        self._lease = bounds.held.lease()  # of what is not parsed yet
        self._transport: asyncio.Transport | None = None
        self._arriving: Arriving | None = None
        self._listener: Listener | None = None
        self._again: asyncio.Handle | None = None
        self._clock: asyncio.TimerHandle | None = None  # of a header that is not complete
        self._held_back = self._paused = self._closing = self._over = self._broken = False
        self._lost = asyncio.get_running_loop().create_future()
        self._discarded_bytes = 0
        self.writable = True
        self._heard_seconds = time.monotonic()

    # The session's side.

    @property
    def address(self) -> str:
        name = self._transport.get_extra_info("peername") if self._transport else None
        return str(name[0]) if name else ""

    @property
    def quiet_seconds(self) -> float:
        return time.monotonic() - self._heard_seconds

    @property
    def has_left(self) -> bool:
        return self._transport is None or has_left(self._transport)

    def listen(self, listener: Listener) -> None:
        self._listener = listener
        self._go_on()

    def send(self, text: bytes) -> None:
        if self._transport and not self._closing and not self._lost.done():
            self._transport.write(text + b"\n")

    def hold_back(self, held_back: bool) -> None:
        if held_back != self._held_back:
            self._held_back = held_back
            if not held_back:
                self._soon()
            self._flow()

    async def close(self, code: int, reason: str) -> None:
        """Say why, then read and discard until the client closes or a short time has passed."""
        self._listener, transport = None, self._transport
        if transport is not None and not self._lost.done():
            if code != _DONE and reason:
                told = {"type": "error", "data": {"text": reason, "code": str(code)}}
                self.send(json.dumps(told, ensure_ascii=False).encode())
            self._closing = True
            self._held_back = False
            self._forget()
            self._flow()
            if not self._over:
                end_writing(transport)
                await asyncio.wait({self._lost}, timeout=self._options.close_linger_seconds)
            transport.close()
            await asyncio.wait({self._lost}, timeout=self._options.close_linger_seconds)
            transport.abort()
        self._forget()
        self._lease.close()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        probe_when_quiet(self._transport, self._options.keepalive_seconds)
        self._arrived(self)

    def data_received(self, data: bytes) -> None:
        if self._closing or self._broken:
            self._discarded_bytes += len(data)
            if self._discarded_bytes > self._bounds.discard_bytes and self._transport:
                self._transport.abort()
            return
        self._parser.feed(data)
        if self._again is None and not self._held_back:
            self._go_on()

    def eof_received(self) -> bool:
        self._over = True
        if self._again is None:
            self._go_on()
        return not self._closing

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._lost.set_result(None)
        if self._again is None:
            self._go_on()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        if self._listener is not None:
            self._listener.writable()

    # What the client sends.

    def _go_on(self) -> None:
        self._again = None
        listener = self._listener
        if listener is None:
            return
        try:
            self._hand_on(listener)
            self._watch()
            self._lease.grow(max(0, self._parser.held_bytes - self._lease.size_bytes))
            self._lease.shrink(max(0, self._lease.size_bytes - self._parser.held_bytes))
        except GatewayError as e:
            self._break(listener, e)
        self._flow()
        if self._over and self._again is None and self._listener is not None:
            self._listener.gone()

    def _watch(self) -> None:
        """No header may take as long as its client likes; one that is not looked at now is not late."""
        amid = self._parser.amid_header and not self._held_back and self._again is None
        if not amid:
            self._stop_clock()
        elif self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(self._options.head_seconds, self._late)

    def _late(self) -> None:
        self._clock = None
        if self._listener is not None and not self._broken and not self._held_back:
            self._break(self._listener, SlowHeadError("event", self._options.head_seconds))

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _hand_on(self, listener: Listener) -> None:
        for _ in range(_AT_ONCE):
            if self._broken or self._held_back or (part := self._parser.next()) is None:
                return
            self._heard_seconds = time.monotonic()
            self._take(part, listener)
        if self._parser.waiting:
            self._soon()

    def _take(self, part: Part, listener: Listener) -> None:
        if part.is_header:
            self._stop_clock()
            lease = self._bounds.held.lease(len(part.data))
            listener.message(RawMessage("text", part.data, len(part.data), lease))
            return
        self._arriving = self._arriving or Arriving("binary", self._bounds.held, self._bounds.message_bytes)
        self._arriving.add(part.data)
        if part.last:
            arrived, self._arriving = self._arriving, None
            listener.message(arrived.complete())

    def _break(self, listener: Listener, error: GatewayError) -> None:
        self._broken = True
        self._forget()
        listener.broken(error)

    def _soon(self) -> None:
        if self._again is None:
            self._again = asyncio.get_running_loop().call_soon(self._go_on)

    def _forget(self) -> None:
        if self._arriving is not None:
            self._arriving.complete().close()
            self._arriving = None
        self._parser = EventParser(self._bounds.message_bytes)
        self._stop_clock()
        self._lease.shrink(self._lease.size_bytes)

    def _flow(self) -> None:
        paused = self._held_back or self._again is not None
        if self._transport and paused != self._paused and not self._transport.is_closing():
            self._paused = paused
            (self._transport.pause_reading if paused else self._transport.resume_reading)()
