"""One WebSocket to the server, and its plain requests; what goes wrong becomes a CommandError."""

import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from typing import Any, TypeVar

import aiohttp

from frontend.client.command import Command
from frontend.client.errors import CommandError, InputError, ServerError, UnreachableError
from frontend.client.reachability import failure
from frontend.client.screen import Screen

CONNECT_SECONDS = 10.0
# What servers of other things answer here, like Triton on its own ports.
_ELSEWHERE = (200, 400, 404, 405, 501)
# What else an upgrade is refused with; the words of the answer are not to be had.
_REFUSED = {
    401: "give a key that it knows with --key",
    403: "the key is not for this",
    421: "it does not know itself by this name",
    426: "perhaps it speaks TLS, which --tls is for",
    429: "a limit of the key or of this address is used up, or too many wrong keys came: try again later",
    503: "it is full, or its models do not answer: try again later",
}
T = TypeVar("T")


class Connection:
    """Texts of the server pass the screen, which prints them where that was asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, screen: Screen) -> None:
        self._socket = socket
        self._screen = screen
        self._reason = ""
        self._given = ""

    async def send_whole(self, message: str | bytes, given: str) -> None:
        """A recording in one message, whatever that makes of it; `given` is how large the user knows it to be."""
        self._given = given
        await self.send(message)

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
        if self._socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG and self._given:
            # Its reason counts what was made of the recording, like base64.
            return ServerError(f"a recording of {self._given} is more than the server takes at once")
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
                socket = await session.ws_connect(url, max_msg_size=0, headers=_headers(command), ssl=_trusted(command))
        except aiohttp.WSServerHandshakeError as e:
            if e.status in _ELSEWHERE:
                raise UnreachableError(f"no speech gateway at {url}: it answers with status {e.status}") from e
            why = f": {_REFUSED[e.status]}" if e.status in _REFUSED else ""
            raise ServerError(f"{url} refused the connection with status {e.status}{why}") from e
        except (aiohttp.ClientError, OSError, ValueError) as e:
            raise failure(url, e) from e
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
    return b"".join([piece async for piece in pieces(command, method, path, **how)])


async def pieces(command: Command, method: str, path: str, **how: Any) -> AsyncGenerator[bytes, None]:
    """The same as it comes."""
    url = command.url("http", path)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS)) as session,
            session.request(method, url, headers=_headers(command), ssl=_trusted(command), **how) as response,
        ):
            if response.status != 200:
                raise _refused(url, response, await response.read())
            async for piece in response.content.iter_any():
                yield piece
    except (aiohttp.ClientError, OSError, ValueError) as e:
        raise failure(url, e) from e


def _refused(url: str, response: aiohttp.ClientResponse, body: bytes) -> CommandError:
    method, path, status = response.method, response.url.path_qs, response.status
    if status in _ELSEWHERE and response.content_type != "application/json" and method == "POST":
        return UnreachableError(f"no speech gateway at {url}: it answers with status {status}")
    return ServerError(f"{method} {path}: status {status}, {_message(body)}")


def _headers(command: Command) -> Mapping[str, str]:
    return {"key": command.key} if command.key else {}


def _trusted(command: Command) -> ssl.SSLContext | bool:
    """What is asked of the server's certificate."""
    if command.ca is None:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(command.ca)
    except (OSError, ssl.SSLError) as e:
        raise InputError(f"{command.ca} holds no certificates ({e.strerror or e})") from e
    return context


def _message(body: bytes) -> str:
    """The words of an error."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError):
        content = json.loads(text)
        if isinstance(content, dict):
            error = content.get("error")
            said = error.get("message") if isinstance(error, dict) else error  # as OpenAI's API says it
            text = str(content.get("message") or said or text)
    return re.sub(r"\s+", " ", text)[:200].strip()
