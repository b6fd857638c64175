"""The heads of HTTP requests: one that does not come to its end is answered, and its client hung up on.

aiohttp waits as long as the client likes, and who is only waited for is no connection that anybody counts.
"""

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from frontend.config import settings
from frontend.errors import SlowHeadError

_LINES = (
    "HTTP/1.1 408 Request Timeout\r\nServer: speech-gateway\r\nContent-Type: application/json; charset=utf-8\r\n"
    "Content-Length: {}\r\nConnection: close\r\n\r\n{}"
)


class Heads:
    """Makes what serves each connection that HTTP is spoken on; `refused` is told of errors that nobody else sees."""

    def __init__(
        self, server: web.Server, options: settings.Server, refused: Callable[[SlowHeadError], None] = lambda _: None
    ) -> None:
        self.server, self.options = server, options
        self.refused = refused
        # Encoded bodies are refused, whatever they hold.
        self.kept: dict[str, Any] = {"access_log": None, "auto_decompress": False}
        self.kept |= {"lingering_time": options.close_linger_seconds, "keepalive_timeout": options.idle_seconds}

    def __call__(self) -> "Requests":
        return Requests(self)


class Requests(web.RequestHandler):
    """aiohttp's side of one connection, with an eye on how long each head takes."""

    __slots__ = ("_clock", "_heads")

    def __init__(self, heads: Heads) -> None:
        super().__init__(heads.server, loop=asyncio.get_running_loop(), **heads.kept)
        self._heads = heads
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wind()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_waiting:
            self._stop()
        elif self._clock is None and data.strip(b"\r\n"):  # empty lines may stand before a head (RFC 9112, 2.2)
            self._wind()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop()
        super().connection_lost(exc)

    @property
    def _is_waiting(self) -> bool:
        """Whether there is no request in hand, nor one that is complete."""
        return self._waiter is not None and not self._waiter.done()

    def _wind(self) -> None:
        self._clock = asyncio.get_running_loop().call_later(self._heads.options.head_seconds, self._ring)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _ring(self) -> None:
        self._clock = None
        if self.transport is None or not self._is_waiting:
            return
        error = SlowHeadError("request", self._heads.options.head_seconds)
        self._heads.refused(error)
        told = {"status": error.status, "error": HTTPStatus(error.status).phrase, "message": str(error), "path": ""}
        text = json.dumps(told)
        self.transport.write(_LINES.format(len(text), text).encode())
        self.force_close()
