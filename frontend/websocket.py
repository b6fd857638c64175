"""aiohttp's WebSocket as the session's Socket."""

import asyncio
import contextlib
import socket

from aiohttp import WSCloseCode, WSMsgType, web

from frontend import settings
from frontend.conversation import Message
from frontend.errors import ClientError, LimitError, ProtocolError


class WebSocket:
    """Reads without ever waiting for the client to read: Pongs are sent beside the reading."""

    def __init__(self, request: web.Request, response: web.WebSocketResponse, options: settings.Server) -> None:
        self._request = request
        self._response = response
        self._linger_seconds = options.close_linger_seconds
        self._newest_ping: bytes | None = None
        self._pong: asyncio.Task[None] | None = None
        self._probe_when_quiet(options.keepalive_seconds)

    async def receive(self) -> Message | None:
        while True:
            message = await self._response.receive()
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                data: Message = message.data
                return data
            if message.type is WSMsgType.PING:
                self._answer_ping(message.data)
            elif message.type is WSMsgType.ERROR:
                raise self._error()
            elif message.type is not WSMsgType.PONG:
                return None

    def _error(self) -> ClientError:
        """What the client broke; aiohttp has closed the connection."""
        if self._response.close_code == WSCloseCode.MESSAGE_TOO_BIG:
            return LimitError("the message is far larger than the limit")
        return ProtocolError("the client does not keep to the WebSocket protocol")

    async def send(self, data: bytes) -> None:
        # A client that went away is no error: the reader notices, and the session ends there.
        try:
            await self._response.send_frame(data, WSMsgType.TEXT)
        except ConnectionError:
            await asyncio.Event().wait()

    async def close(self, code: int, reason: str) -> None:
        if self._pong:
            self._pong.cancel()
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(self._linger_seconds):
                await self._response.close(code=code, message=reason.encode()[:123], drain=False)
        if self._request.transport is not None:
            # What a client never reads would otherwise keep the socket for as long as the kernel pleases.
            self._request.transport.abort()

    def _probe_when_quiet(self, idle_seconds: int) -> None:
        """Not with Pings: lock-step clients answer those only while they wait for a reply."""
        if self._request.transport is not None:
            connection = self._request.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in ((socket.TCP_KEEPIDLE, max(1, idle_seconds)), (socket.TCP_KEEPINTVL, 15)):
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)

    def _answer_ping(self, data: bytes) -> None:
        """One Pong at a time, the newest Ping's: while the client reads nothing, older ones pass (RFC 6455, 5.5.3)."""
        self._newest_ping = data
        if self._pong is None or self._pong.done():
            self._pong = asyncio.get_running_loop().create_task(self._send_pongs())

    async def _send_pongs(self) -> None:
        with contextlib.suppress(ConnectionError):
            while (data := self._newest_ping) is not None:
                self._newest_ping = None
                await self._response.pong(data)
