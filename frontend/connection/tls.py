"""TLS on the clients' ports: a certificate that is read again when it changes, and an answer for who speaks without.

What a connection begins with says which it is, so each is looked at before it is served: a TLS handshake begins with a
byte (RFC 8446, 5.1) that no HTTP request does.
"""

import asyncio
import contextlib
import os
import socket
import ssl

from aiohttp import hdrs, web

from frontend.config.settings import Tls
from frontend.connection.heads import Heads
from frontend.errors import SettingsError
from frontend.telemetry.logs import Log

_HANDSHAKE = b"\x16"
_State = tuple[tuple[int, int, int] | None, ...]


class Certificate:
    """What the gateway shows of itself; new handshakes take what was read last, connections keep what they have."""

    def __init__(self, options: Tls) -> None:
        """SettingsError where its files cannot be used."""
        self._options = options
        self._log = Log("tls")
        self._states = self._look()
        self.context = _context(options)

    async def watch(self) -> None:
        """Take over what changes, until cancelled."""
        while True:
            await asyncio.sleep(self._options.reload_seconds)
            await self.refresh()

    async def refresh(self) -> None:
        states = await asyncio.to_thread(self._look)
        if states == self._states:
            return
        self._states = states  # what is wrong is told once, until it changes again
        try:
            await asyncio.to_thread(
                _context, self._options
            )  # not into the one that serves before it is known to be good
            self.context.load_cert_chain(self._options.certificate, self._options.key)
        except (SettingsError, OSError) as e:
            self._log.warning("the certificate stays as it was", reason=str(e))
            return
        self._log.info("certificate exchanged")

    def _look(self) -> _State:
        return tuple(_state(path) for path in (self._options.certificate, self._options.key))


class TlsSite(web.BaseSite):
    """Accepts for one listening socket: TLS is served, whoever speaks without is told where to go."""

    def __init__(self, runner: web.AppRunner, listening: socket.socket, greeter: "Greeter") -> None:
        super().__init__(runner)
        self._listening, self._greeter = listening, greeter
        self._accepting: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        host, port = self._listening.getsockname()[:2]
        return f"https://{host}:{port}"

    async def start(self) -> None:
        await super().start()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    async def stop(self) -> None:
        if self._accepting:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._listening.close()
        await super().stop()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listening)
            except OSError:  # out of descriptors, most likely: those who wait go on waiting
                await asyncio.sleep(0.1)
                continue
            self._greeter.greet(connection)


class Greeter:
    """Looks at what connections begin with, and hands them on."""

    def __init__(self, certificate: Certificate, heads: Heads, handshake_seconds: float) -> None:
        self._certificate, self._heads = certificate, heads
        self._seconds = handshake_seconds
        self._plain = Heads(web.Server(_elsewhere), heads.options, heads.refused, heads.shut_out)
        self._greeting: set[asyncio.Task[None]] = set()

    def greet(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self.take(connection))
        self._greeting.add(task)
        task.add_done_callback(self._greeting.discard)

    async def take(self, connection: socket.socket) -> None:
        """Who says nothing, or fails at the handshake, is hung up on: there is nothing yet to answer it in."""
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        try:
            async with asyncio.timeout(self._seconds):
                first = await _first_byte(connection)
            if first == _HANDSHAKE:
                context, seconds = self._certificate.context, self._seconds
                await loop.connect_accepted_socket(self._heads, connection, ssl=context, ssl_handshake_timeout=seconds)
            elif first:
                await loop.connect_accepted_socket(self._plain, connection)
            else:
                connection.close()
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError
            connection.close()

    async def close(self) -> None:
        for task in list(self._greeting):
            task.cancel()
        await self._plain.server.shutdown()


async def _first_byte(connection: socket.socket) -> bytes:
    """Without taking it: whoever serves the connection wants it too."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _elsewhere(request: web.BaseRequest) -> web.StreamResponse:
    """A redirect where browsers follow one; 426 (RFC 9110, 15.5.22) to all others, for what they sent was seen."""
    message = "this port speaks TLS: call it by https:// or wss://"
    body = {"status": 426, "error": "upgrade_required", "message": message, "path": request.path}
    if request.method in ("GET", "HEAD") and hdrs.UPGRADE not in request.headers and (host := request.host):
        location = {hdrs.LOCATION: f"https://{host}{request.rel_url.raw_path_qs}"}
        response = web.json_response(body | {"status": 308}, status=308, headers=location)
    else:
        response = web.json_response(body, status=426, headers={hdrs.UPGRADE: "TLS/1.2, HTTP/1.1"})
    response.force_close()
    return response


def _context(options: Tls) -> ssl.SSLContext:
    """What Python takes for modern: TLS 1.2 and newer, forward secrecy, no compression, no renegotiation."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(options.certificate, options.key, password=_no_password)
    except ssl.SSLError as e:
        reason = e.reason or "not PEM"
        raise SettingsError(f"tls: {options.certificate} and {options.key} do not go together ({reason})") from None
    except OSError as e:
        raise SettingsError(f"tls: cannot read {options.certificate} or {options.key} ({e.strerror})") from e
    return context


def _no_password() -> str:
    raise SettingsError("tls.key must not be encrypted: nobody is there to type its password")


def _state(path: str) -> tuple[int, int, int] | None:
    with contextlib.suppress(OSError):
        status = os.stat(path)
        return status.st_mtime_ns, status.st_size, status.st_ino
    return None
