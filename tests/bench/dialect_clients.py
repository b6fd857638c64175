"""Clients of the live dialects: what each sends, and which of what it is told is a final."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import soxr
import websockets
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event

from frontend.speech import RATE, Samples
from tests.gateway_server import GatewayAddress

CHUNK_SAMPLES = RATE // 10
# The silence that each client lets pass for the end of an utterance.
SILENCE_SECONDS = 0.4
# So much of it is sent behind an utterance whose end is to be found.
_SILENT_SECONDS = 2.5
_PATIENCE_SECONDS = 30.0

Content = Mapping[str, Any]


class Client(Protocol):
    """One connection; `told` is all that comes, when it comes."""

    async def say(self, chunk: Samples) -> None: ...

    async def force(self) -> None:
        """Say that the utterance is over."""
        ...

    def told(self) -> AsyncIterator[Content]: ...


@dataclass(frozen=True)
class Dialect:
    """`final` says of a message whether it is one, `forced` whether it is the one that was asked for."""

    name: str
    connect: Callable[[GatewayAddress, bool], contextlib.AbstractAsyncContextManager[Client]]
    final: Callable[[Content], bool]
    forced: Callable[[Content], bool]
    # Whether it finds the end of an utterance by itself.
    endpoints: bool = True


@dataclass(frozen=True)
class _Words:
    """How a WebSocket's dialect is written."""

    opening: Sequence[Content]
    force: Content
    audio: Callable[[Samples], str | bytes] = lambda chunk: chunk.tobytes()


class _Socket(Client):
    def __init__(self, connection: Any, words: _Words) -> None:
        self._connection, self._words = connection, words

    async def say(self, chunk: Samples) -> None:
        await self._connection.send(self._words.audio(chunk))

    async def force(self) -> None:
        await self._connection.send(json.dumps(self._words.force))

    async def told(self) -> AsyncIterator[Content]:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in self._connection:
                yield json.loads(message) if message.startswith("{") else {"id": message}


@contextlib.asynccontextmanager
async def _connected(url: str, words: _Words) -> AsyncIterator[Client]:
    async with websockets.connect(url, ping_interval=None, compression=None) as connection:
        for message in words.opening:
            await connection.send(json.dumps(message))
        yield _Socket(connection, words)


def _live(gateway: GatewayAddress, _: bool) -> contextlib.AbstractAsyncContextManager[Client]:
    words = _Words([{"config": {"finals_after_eof": True, "language": "en"}}], {"eof": 1})
    return _connected(gateway.ws("/live"), words)


def _vosk(gateway: GatewayAddress, _: bool) -> contextlib.AbstractAsyncContextManager[Client]:
    return _connected(gateway.ws("/vosk"), _Words([{"config": {"sample_rate": RATE}}], {"eof": 1}))


def _deepgram(gateway: GatewayAddress, _: bool) -> contextlib.AbstractAsyncContextManager[Client]:
    query = f"language=en&encoding=linear16&sample_rate={RATE}&endpointing={1000 * SILENCE_SECONDS:.0f}"
    return _connected(gateway.ws(f"/v1/listen?{query}"), _Words([], {"type": "Finalize"}))


def _realtime(gateway: GatewayAddress, by_client: bool) -> contextlib.AbstractAsyncContextManager[Client]:
    detection = {"type": "server_vad", "silence_duration_ms": round(1000 * SILENCE_SECONDS)}
    heard = {
        "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
        "turn_detection": None if by_client else detection,
    }
    opening = {"type": "session.update", "session": {"type": "transcription", "audio": {"input": heard}}}
    words = _Words([opening], {"type": "input_audio_buffer.commit"}, _appended)
    return _connected(gateway.ws("/v1/realtime?intent=transcription"), words)


def _appended(chunk: Samples) -> str:
    audio = np.asarray(soxr.resample(chunk, RATE, 24_000), np.int16).tobytes()
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()})


class _Wyoming(Client):
    def __init__(self, client: AsyncTcpClient) -> None:
        self._client = client

    async def say(self, chunk: Samples) -> None:
        await self._send(AudioChunk(rate=RATE, width=2, channels=1, audio=chunk.tobytes()).event())

    async def force(self) -> None:
        await self._send(AudioStop().event())

    async def told(self) -> AsyncIterator[Content]:
        while (event := await self._client.read_event()) is not None:
            yield {**event.data, "type": event.type}

    async def _send(self, event: Event) -> None:
        await self._client.write_event(event)


@contextlib.asynccontextmanager
async def _wyoming(gateway: GatewayAddress, _: bool) -> AsyncIterator[Client]:
    async with AsyncTcpClient("127.0.0.1", gateway.ports["wyoming"]) as client:
        await client.write_event(Event("transcribe", {"language": "en"}))
        await client.write_event(AudioStart(rate=RATE, width=2, channels=1).event())
        yield _Wyoming(client)


def _completed(told: Content) -> bool:
    return str(told.get("type")).endswith("input_audio_transcription.completed")


DIALECTS = (
    Dialect("live", _live, lambda told: "result" in told, lambda told: "result" in told or "id" in told),
    Dialect("Vosk", _vosk, lambda told: bool(told.get("text")), lambda told: "text" in told),
    Dialect(
        "Deepgram",
        _deepgram,
        lambda told: bool(told.get("is_final")),
        lambda told: bool(told.get("from_finalize")),
    ),
    Dialect("OpenAI Realtime", _realtime, _completed, _completed),
    Dialect("Wyoming", _wyoming, lambda _: False, lambda told: told["type"] == "transcript", endpoints=False),
)


async def delay(dialect: Dialect, gateway: GatewayAddress, speech: Samples, quiet_seconds: float | None) -> float:
    """How long after the end of the speech was known its last final came; infinite where none did.

    It is known by the silence behind it, or because the client says so after so much of silence.
    """
    by_client = quiet_seconds is not None
    behind = np.zeros(round((_SILENT_SECONDS if quiet_seconds is None else quiet_seconds) * RATE), np.int16)
    moments: list[float] = []
    heard = asyncio.Event()
    async with dialect.connect(gateway, by_client) as client:
        listening = asyncio.create_task(_listen(client, dialect.forced if by_client else dialect.final, moments, heard))
        known = await _speak(client, np.concatenate([speech, behind])) + len(speech) / RATE + SILENCE_SECONDS
        if by_client:
            moments.clear()
            heard.clear()
            known = time.monotonic()
            await client.force()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), _PATIENCE_SECONDS)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    return max(moments) - known if moments else float("inf")


async def _listen(
    client: Client, counts: Callable[[Content], bool], moments: list[float], heard: asyncio.Event
) -> None:
    async for told in client.told():
        if counts(told):
            moments.append(time.monotonic())
            heard.set()


async def _speak(client: Client, samples: Samples) -> float:
    """When the first sample was recorded."""
    began = time.monotonic()
    for start in range(0, len(samples), CHUNK_SAMPLES):
        chunk = samples[start : start + CHUNK_SAMPLES]
        await asyncio.sleep(max(0.0, began + (start + len(chunk)) / RATE - time.monotonic()))
        await client.say(chunk)
    return began
