"""Servers that say what a test tells them to, and the client run against them as a process of its own."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.sounds import tone, wav
from tests.triton_server import ROOT

EXPORT_ID = "0123456789abcdef0123456789abcdef"
SOUND = tone(440, 1.05, 16000)
FLAC = wav(SOUND, container="FLAC")

Script = Callable[["Talk"], Awaitable[None]]


@dataclass
class Talk:
    """The server's side of one connection."""

    socket: web.WebSocketResponse
    headers: Mapping[str, str]
    received: list[str | bytes] = field(default_factory=list)

    async def hear(self) -> Any:
        """The next message of the client; JSON texts as their content."""
        message = await self.socket.receive(timeout=20)
        self.received.append(message.data)
        return json.loads(message.data) if isinstance(message.data, str) else message.data

    async def hear_audio_until_text(self) -> tuple[bytes, Any]:
        audio = b""
        while isinstance(message := await self.hear(), bytes):
            audio += message
        return audio, message

    async def say(self, message: Any) -> None:
        await self.socket.send_str(message if isinstance(message, str) else json.dumps(message, ensure_ascii=False))


@contextlib.asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[int]:
    """Its port."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def server(
    script: Script, path: str = "/", pages: Mapping[str, web.StreamResponse] | None = None
) -> AsyncIterator[int]:
    """Its port. Failures of the script are raised when the block ends."""
    failures: list[BaseException] = []

    async def converse(request: web.Request) -> web.StreamResponse:
        if (page := (pages or {}).get(request.path_qs)) is not None:
            return page
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        try:
            await script(Talk(socket, request.headers))
        except BaseException as e:
            failures.append(e)
        await socket.close()
        return socket

    app = web.Application()
    app.add_routes([web.get(path, converse), web.get("/{rest:.*}", converse)])
    async with listening(app) as port:
        yield port
    if failures:
        raise failures[0]


@dataclass(frozen=True)
class Ran:
    status: int
    output: str
    errors: str


async def started(
    arguments: Sequence[object],
    environment: Mapping[str, str] | None = None,
    output: Any = asyncio.subprocess.PIPE,
    errors: Any = asyncio.subprocess.PIPE,
) -> Any:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "frontend.client", *map(str, arguments)),
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=output,
        stderr=errors,
    )


async def run(*arguments: object, environment: Mapping[str, str] | None = None) -> Ran:
    process = await started(arguments, environment)
    output, errors = await asyncio.wait_for(process.communicate(), 30)
    return Ran(process.returncode, output.decode(), errors.decode())
