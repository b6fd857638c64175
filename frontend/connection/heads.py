"""Before there is an HTTP request: what does not come to its end, or shows wrong keys at speed, is hung up on.

aiohttp waits for a head as long as the client likes, and who is only waited for is no connection that anybody counts.
"""

import asyncio
import json
import math
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from aiohttp import hdrs, web

from frontend.config import settings
from frontend.errors import ClientError, SlowHeadError, WrongKeysError

_SERVER = "speech-gateway"
# Where a key may be; a head that comes in pieces is looked at by others.
_KEY = re.compile(rb"\n(key|authorization|sec-websocket-protocol)[ \t]*:|[?&](token|api_key)=", re.IGNORECASE)


class Heads:
    """Makes what serves each connection that HTTP is spoken on.

    `refused` is told of errors that nobody else sees; `shut_out` says for how long an address is not looked at.
    """

    def __init__(
        self,
        server: web.Server,
        options: settings.Server,
        refused: Callable[[ClientError], None] = lambda _: None,
        shut_out: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        self.server, self.options = server, options
        self.refused, self.shut_out = refused, shut_out
        # Encoded bodies are refused, whatever they hold.
        self.kept: dict[str, Any] = {"access_log": None, "auto_decompress": False}
        self.kept |= {"lingering_time": options.close_linger_seconds, "keepalive_timeout": options.idle_seconds}

    def __call__(self) -> "Doorstep":
        return Doorstep(self)

    def refuse(self, transport: asyncio.Transport, error: ClientError, **more: str) -> None:
        """Without a request there is no path, whose form of errors it could be."""
        self.refused(error)
        status, text = HTTPStatus(error.status), _told(error.status, str(error))
        headers = {hdrs.SERVER: _SERVER, hdrs.CONTENT_TYPE: "application/json; charset=utf-8", **more}
        headers |= {hdrs.CONTENT_LENGTH: str(len(text)), hdrs.CONNECTION: "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        transport.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n{lines}\r\n{text}".encode())


class Doorstep(asyncio.Protocol):
    """Lets in; whoever shows keys where none are looked at is told so before anything is made of the request."""

    def __init__(self, heads: Heads) -> None:
        self._heads = heads
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        self._address = str(name[0]) if isinstance(name, tuple) else ""
        if self._heads.shut_out(self._address) <= 0:
            self._let_in()
        else:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_later(self._heads.options.head_seconds, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        wait_seconds = self._heads.shut_out(self._address)
        if wait_seconds <= 0 or not _KEY.search(data):  # probes have no keys
            self._let_in().data_received(data)
        elif not self._transport.is_closing():
            retry = {hdrs.RETRY_AFTER: str(math.ceil(wait_seconds))}
            self._heads.refuse(self._transport, WrongKeysError(wait_seconds), **retry)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()

    def _let_in(self) -> "Requests":
        self._stop()
        requests = Requests(self._heads)
        self._transport.set_protocol(requests)
        requests.connection_made(self._transport)
        return requests

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None


class Requests(web.RequestHandler):
    """aiohttp's side of one connection, with an eye on how long each head takes."""

    __slots__ = ("_began", "_clock", "_heads")

    def __init__(self, heads: Heads) -> None:
        super().__init__(heads.server, loop=asyncio.get_running_loop(), **heads.kept)
        self._heads = heads
        self._clock: asyncio.TimerHandle | None = None
        self._began = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wind()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._began = True
        for message, _ in self._messages:
            if isinstance(error := getattr(message, "exc", None), BaseException):
                error.__traceback__ = None  # a circle with all that came, which nobody would search for in time
        if not self._is_waiting:
            self._stop()
        elif self._clock is None and data.strip(b"\r\n"):  # empty lines may stand before a head (RFC 9112, 2.2)
            self._wind()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Of what is no request, mostly: aiohttp's answer is in no form of ours, and says what it was made with."""
        super().handle_error(request, status, exc, message)  # logs it
        wrong = f"the request cannot be understood: {message.partition(':')[0]}" if message else "internal error"
        kind, headers = "application/json", {hdrs.SERVER: _SERVER}
        response = web.Response(text=_told(status, wrong), status=status, content_type=kind, headers=headers)
        response.force_close()
        return response

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop()
        super().connection_lost(exc)

    @property
    def _is_waiting(self) -> bool:
        """Whether there is no request in hand, nor one that is complete."""
        if self._waiter is None:  # under uvloop what comes with the connection comes before aiohttp waits for it
            return self._request_count == 0
        return not self._waiter.done()

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
        if self._began:  # browsers open connections in advance, and would show the answer to nothing as one
            self._heads.refuse(self.transport, SlowHeadError("request", self._heads.options.head_seconds))
        self.force_close()


def _told(status: int, message: str) -> str:
    return json.dumps({"status": status, "error": HTTPStatus(status).phrase, "message": message, "path": ""})
