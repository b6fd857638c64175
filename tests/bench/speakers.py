"""People who speak at a live socket for as long as they like, in phrases of one tone, and are told each of them."""

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import websockets

from frontend.speech import RATE

CHUNK_SECONDS = 0.1
_ON_THE_WAY_SECONDS = 0.2
_PHRASE_CHUNKS, _PAUSE_CHUNKS = 12, 9
_OPENING = json.dumps({"config": {"finals_after_eof": True}})
_time = np.arange(round(CHUNK_SECONDS * RATE)) / RATE
_LOUD = (8000 * np.sin(2 * np.pi * 440 * _time)).astype(np.int16).tobytes()
_QUIET = bytes(len(_LOUD))


@dataclass
class Speaker:
    """One of them, on a connection that is open."""

    connection: Any
    # When each phrase ended, and when each final came.
    ended: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    close_code: int | None = None
    close_reason: str = ""
    closed_at: float = float("inf")
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    async def speak(self) -> None:
        """Until it leaves, which it does behind a phrase, or is hung up on; then to the last final."""
        listening = asyncio.create_task(self._listen())
        with contextlib.suppress(websockets.ConnectionClosed):
            await self.connection.send(_OPENING)
            due = time.monotonic()
            while not self.leaving.is_set():
                due = await self._say([_LOUD] * _PHRASE_CHUNKS, due)
                self.ended.append(time.monotonic())
                due = await self._say([_QUIET] * _PAUSE_CHUNKS, due)
            await self.connection.send("eof")
        await listening
        self.close_code, self.close_reason = self.connection.close_code, self.connection.close_reason or ""

    async def _say(self, chunks: Sequence[bytes], due: float) -> float:
        """Each when it has been recorded; when the last one was."""
        for chunk in chunks:
            due += CHUNK_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.connection.send(chunk)
        return due

    async def _listen(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in self.connection:
                if message.startswith("{") and "result" in json.loads(message):
                    self.told.append(time.monotonic())
        self.closed_at = time.monotonic()

    def lags(self, since: float = float("-inf"), until: float = float("inf")) -> list[float]:
        """Of the phrases that ended between, how much later their finals came; infinite where none did."""
        never = [float("inf")] * (len(self.ended) - len(self.told))
        pairs = zip(self.ended, [*self.told, *never], strict=False)
        return [told - ended for ended, told in pairs if since <= ended < until]

    @property
    def lost(self) -> int:
        """Finals of phrases that had come before the other side closed."""
        return max(0, sum(ended < self.closed_at - _ON_THE_WAY_SECONDS for ended in self.ended) - len(self.told))


async def connect(url: str) -> Speaker:
    """Raises websockets.InvalidStatus where nobody else is let in."""
    return Speaker(await websockets.connect(url, ping_interval=None, compression=None))


_UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


async def knock(url: str, headers: str = _UPGRADE) -> str:
    """The head of what is said to a handshake, for as little of this processor's time as can be."""
    host, _, path = url.partition("://")[2].partition("/")
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    try:
        writer.write(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode())
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    finally:
        writer.close()
