"""The Autobahn test suite's cases, the judge of WebSocket servers, over an echo on the gateway's own WebSocket.

Its runner is kosoku's. Sections 12 and 13 are about compression, which is not offered.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from kosoku import run_fuzzingclient

from frontend.config import settings
from frontend.connection import handshake
from frontend.connection.arriving import Bounds
from frontend.connection.framing import BINARY, TEXT
from frontend.connection.gathering import Gathering
from frontend.connection.websocket import Listener, WebSocket
from frontend.dialogue.messages import RawMessage
from frontend.errors import GatewayError
from tests.frontend.connection.rfc6455 import encode_frame
from tests.frontend.connection.scripted_transport import AtOnce
from tests.frontend.fakes import budget


class Echo(Listener):
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def message(self, message: RawMessage) -> None:
        self._transport.write(encode_frame(TEXT if message.kind == "text" else BINARY, message.data()))
        message.close()

    def writable(self) -> None:
        """What the client does not read waits in memory: it is not what is judged here."""

    def broken(self, error: GatewayError) -> None:
        self._end(error.close_code, str(error))

    def gone(self) -> None:
        self._end(1000, "")

    def _end(self, code: int, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result((code, reason))


async def serve(request: web.Request) -> web.Response:
    handshake.check(request.headers)
    assert request.transport is not None
    bounds, echo = Bounds(64 << 20, 16 << 20, budget()), Echo(request.transport)
    socket = WebSocket(request.transport, bounds, settings.Server(), Gathering(), AtOnce())
    request.transport.write(handshake.accepted(request.headers, {}))
    socket.listen(echo)
    await socket.close(*await echo.ended)
    return web.Response(status=101)  # to nobody


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


SECTIONS = {
    "framing": (["1.*"], 16),
    "pings and pongs": (["2.*"], 11),
    "reserved bits": (["3.*"], 7),
    "opcodes": (["4.*"], 10),
    "fragmentation": (["5.*"], 20),
    "utf-8": (["6.*"], 145),
    "closing": (["7.*"], 37),
    "large messages and many": (["9.*", "10.*"], 55),
}


@pytest.mark.parametrize(("section", "cases"), SECTIONS.values(), ids=SECTIONS)
async def test_every_case_of_the_suite_is_passed(section: list[str], cases: int) -> None:
    async with echoing() as url:
        results = await run_fuzzingclient(url, section, concurrency=2)
    assert len(results) == cases
    # What the RFC leaves open is informational; nothing is merely not strict.
    assert {result.behavior.value for result in results} <= {"OK", "INFORMATIONAL"}
