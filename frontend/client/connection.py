"""One WebSocket to the server, and its plain requests; what goes wrong becomes a CommandError."""

import asyncio
import contextlib
import json
import os
import re
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, TypeVar

import aiohttp

from frontend.client.command import Command
from frontend.client.errors import CommandError, ServerError, UnreachableError
from frontend.client.screen import Screen

CONNECT_SECONDS = 10.0
T = TypeVar("T")


class Connection:
    """Texts of the server pass the screen, which prints them where that was asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, screen: Screen) -> None:
        self._socket = socket
        self._screen = screen
        self._reason = ""

    async def send(self, message: str | bytes) -> None:
        """What is sent to a server that has gone is lost; why it went is told by the next receive()."""
        with contextlib.suppress(ConnectionError):
            if isinstance(message, bytes):
                await self._socket.send_bytes(message)
            else:
                await self._socket.send_str(message)

    async def receive(self) -> str | None:
        """The next text; None once the connection is closed."""
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.CLOSE:
            self._reason = str(message.extra or "")
            await self._socket.close()
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None
        self._screen.message(message.data)
        return str(message.data)

    async def answer(self) -> str:
        """The next text; that there is none is a failure."""
        text = await self.receive()
        if text is None:
            raise self.ended()
        return text

    async def answer_fields(self) -> dict[str, Any]:
        return fields(await self.answer())

    @property
    def finished(self) -> bool:
        """Closed as protocols close when all is said."""
        return self._socket.close_code in (None, aiohttp.WSCloseCode.OK)

    def ended(self) -> ServerError:
        reason = f" ({self._reason})" if self._reason else ""
        return ServerError(f"the server closed the connection with {self._socket.close_code}{reason}, unfinished")


def fields(text: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        content = json.loads(text)
    except ValueError as e:
        raise ServerError(f"not an answer of this protocol: {text[:80]!r}") from e
    if not isinstance(content, dict):
        raise ServerError(f"not an answer of this protocol: {text[:80]!r}")
    return content


@contextlib.asynccontextmanager
async def connected(command: Command, path: str, screen: Screen) -> AsyncIterator[Connection]:
    url = command.url("ws", path)
    async with aiohttp.ClientSession() as session:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await session.ws_connect(url, max_msg_size=0, headers=_headers(command))
        except aiohttp.WSServerHandshakeError as e:
            raise ServerError(f"{url} refused the connection with status {e.status}") from e
        except (aiohttp.ClientError, OSError, ValueError) as e:
            raise UnreachableError(f"cannot connect to {url}: {_why(e)}") from e
        async with socket:
            yield Connection(socket, screen)


async def both(sending: Coroutine[Any, Any, None], receiving: Coroutine[Any, Any, T]) -> T:
    """Receive while sending; what is received decides when it is over, a failure of either ends both."""
    try:
        async with asyncio.TaskGroup() as group:
            sender, receiver = group.create_task(sending), group.create_task(receiving)
            receiver.add_done_callback(lambda _: sender.cancel())
    except BaseExceptionGroup as e:
        raise next((each for each in e.exceptions if isinstance(each, CommandError)), e.exceptions[0]) from e
    return receiver.result()


async def request(command: Command, method: str, path: str, **how: Any) -> bytes:
    """The body of a plain request's answer."""
    url = command.url("http", path)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS)) as session,
            session.request(method, url, headers=_headers(command), **how) as response,
        ):
            body = await response.read()
    except (aiohttp.ClientError, OSError, ValueError) as e:
        raise UnreachableError(f"cannot connect to {url}: {_why(e)}") from e
    if response.status != 200:
        raise ServerError(f"{method} {path}: status {response.status}, {_message(body)}")
    return body


def _headers(command: Command) -> Mapping[str, str]:
    return {"key": command.key} if command.key else {}


def _message(body: bytes) -> str:
    """The words of an error."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError):
        content = json.loads(text)
        if isinstance(content, dict):
            text = str(content.get("message") or content.get("error") or text)
    return re.sub(r"\s+", " ", text)[:200].strip()


def _why(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        # The event loop's own words repeat the address, which stands in the message already.
        cause = error.os_error
        if isinstance(cause, ssl.SSLError):  # whose numbers are its library's own
            return cause.reason or str(cause)
        number = cause.errno
        return os.strerror(number) if number and number > 0 else str(cause) or "the connection was closed"
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_SECONDS:g} s"
    return str(error) or type(error).__name__
