"""Whatever dies or misbehaves, clients get every reply, in order."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import websockets

from frontend.protocols import WEBSOCKETS
from frontend.speech import Samples
from tests.gateway.rest import template_of
from tests.gateway_server import GatewayAddress, running_gateway, running_stack
from tests.sounds import noise
from tests.triton_server import ROOT, TritonAddress, child_pids, running_triton, wait_until
from tests.voices import TEXT, say, silence

CHUNK = 1600


@pytest.fixture
def own_triton(tmp_path: Path) -> Iterator[TritonAddress]:
    """One that may be harmed."""
    with running_triton(ROOT / "model_repository", tmp_path / "triton") as address:
        yield address


def chunks(samples: Samples) -> list[bytes]:
    return [samples[start : start + CHUNK].tobytes() for start in range(0, len(samples), CHUNK)]


async def summary_of(url: str, data: list[bytes], pace_seconds: float, begun: asyncio.Semaphore) -> list[str]:
    """One stream at its pace; all its replies."""
    async with websockets.connect(url, ping_interval=None) as connection:
        await connection.send("16000")
        assert await connection.recv() == "200"

        async def send() -> None:
            for chunk in data:
                await connection.send(chunk)
                begun.release()
                await asyncio.sleep(pace_seconds)

        sending = asyncio.create_task(send())
        replies = [str(await connection.recv()) for _ in data]
        await sending
        return replies


async def test_fifty_streams_go_on_over_the_death_of_triton(own_triton: TritonAddress, tmp_path: Path) -> None:
    audio = np.concatenate([silence(0.5), say(TEXT)[: 16000 * 4], silence(0.5)])
    data = chunks(audio)
    with running_gateway(own_triton, tmp_path / "gateway") as gateway:
        url = gateway.ws("/speech_summary_stream")
        expected = await summary_of(url, data, 0.0, asyncio.Semaphore(0))
        begun = asyncio.Semaphore(0)
        streams = [asyncio.create_task(summary_of(url, data, 0.05, begun)) for _ in range(50)]
        for _ in range(50 * len(data) // 3):
            await begun.acquire()
        server_pid = own_triton.server_pid
        assert server_pid is not None
        os.kill(server_pid, signal.SIGKILL)
        for replies in await asyncio.gather(*streams):
            assert replies == expected, "every reply, in order, as in an undisturbed run"
        assert own_triton.server_pid not in (None, server_pid), "it was restarted"


async def test_streams_go_on_over_a_triton_that_hangs(tmp_path: Path) -> None:
    """It answers nothing and holds every call; the launcher ends it after a while, and nothing is lost."""
    patience = ["--unresponsive-seconds", "3"]
    data = chunks(say(TEXT)[: 16000 * 4])
    with (
        running_triton(ROOT / "model_repository", tmp_path / "triton", launcher_arguments=patience) as triton,
        running_gateway(triton, tmp_path / "gateway", {"GATEWAY_TRITON__ATTEMPT_SECONDS": "1.0"}) as gateway,
    ):
        url = gateway.ws("/speech_summary_stream")
        expected = await summary_of(url, data, 0.0, asyncio.Semaphore(0))
        begun = asyncio.Semaphore(0)
        streams = [asyncio.create_task(summary_of(url, data, 0.05, begun)) for _ in range(10)]
        for _ in range(10 * len(data) // 2):
            await begun.acquire()
        assert triton.server_pid is not None
        os.kill(triton.server_pid, signal.SIGSTOP)
        assert [replies == expected for replies in await asyncio.gather(*streams)] == [True] * 10
        abandoned = 'gateway_triton_calls_total{model="vad",outcome="abandoned"}'
        assert gateway.metric(abandoned) > 0


def test_the_gateway_comes_back_from_its_death_amid_64_calls(tmp_path: Path) -> None:
    """As `make run` runs it: Triton lives on or is restarted, and so is the gateway, without a hand."""
    settings = {
        "GATEWAY_TRITON__MAX_IN_FLIGHT": "64",
        "GATEWAY_BATCHING__SPEAKER_EMBEDDING_ROWS": "1",
        "GATEWAY_MEDIA__RECORDINGS": "100",
    }
    with running_stack(tmp_path, settings) as (gateway, supervisor):
        template_of(gateway, say(TEXT))
        client = subprocess.Popen([sys.executable, "-c", FLOOD, gateway.http("")], cwd=ROOT)
        try:
            sample = 'gateway_triton_in_flight{model="speaker_embedding"}'
            wait_until(lambda: gateway.metric(sample) >= 64)
            before = gateway_pid(supervisor)
            os.kill(before, signal.SIGKILL)
        finally:
            client.kill()
            client.wait()
        wait_until(lambda: gateway.get("/health/ready")[0] == 200)
        assert gateway_pid(supervisor) != before
        assert len(template_of(gateway, say(TEXT))) > 1000


def gateway_pid(supervisor: int) -> int:
    (pid,) = [pid for pid in child_pids(supervisor) if "frontend" in Path(f"/proc/{pid}/cmdline").read_text()]
    return pid


# Requests for templates, 80 at once, until killed.
FLOOD = """
import sys, threading, urllib.request
from tests.voices import TEXT, say
audio = say(TEXT).tobytes()
url = sys.argv[1] + "/voice_template_factory/create_voice_template_from_samples?sample_rate=16000"
def ask():
    while True:
        request = urllib.request.Request(url, audio, {"Content-Type": "application/octet-stream"})
        urllib.request.urlopen(request).read()
threads = [threading.Thread(target=ask) for _ in range(80)]
[thread.start() for thread in threads]
"""


async def test_ten_minutes_sent_unread_are_all_answered_in_order(gateway: GatewayAddress) -> None:
    audio = np.tile(np.concatenate([say(TEXT)[: 16000 * 4], silence(1.0)]), 120)
    data = chunks(audio)
    assert len(data) == 6000
    url = gateway.ws("/speech_summary_stream")
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ports["voice"], limit=1 << 20)
    await upgrade(reader, writer, url)
    for message in (b"16000", *data):
        writer.write(frame(message, text=message == b"16000"))
        await writer.drain()
    # Nothing was read so far, and everything was accepted.
    assert await read_text(reader) == b"200"
    totals = []
    for _ in data:
        summary = json.loads(await read_text(reader))
        totals.append(summary["current_speech_summary"]["total_length"])
    assert totals == [pytest.approx(0.1 * number, abs=0.001) for number in range(1, 6001)]
    writer.close()


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> None:
    host, _, path = url.removeprefix("ws://").partition("/")
    writer.write(
        f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101")


def frame(message: bytes, text: bool) -> bytes:
    """A client's frame with a mask of zeros."""
    first = 0x81 if text else 0x82
    if len(message) < 126:
        return bytes([first, 0x80 | len(message)]) + bytes(4) + message
    return bytes([first, 0x80 | 126]) + len(message).to_bytes(2, "big") + bytes(4) + message


async def read_text(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(2)
    assert head[0] == 0x81, "not a whole text frame"
    length = head[1]
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    return await reader.readexactly(length)


async def garble(connection: websockets.ClientConnection, random: np.random.Generator, lock_step: bool) -> None:
    """Nonsense of every size. Only lock-step protocols answer each message, and leave the connection open."""
    with contextlib.nullcontext() if lock_step else contextlib.suppress(websockets.ConnectionClosed):
        for number in range(60):
            garbage = random.bytes(int(random.integers(0, 5000)))
            message = garbage if number % 2 else garbage.decode("latin-1")
            await connection.send("16000" if number % 7 == 0 else message)
            assert not lock_step or await connection.recv()


async def test_garbage_on_every_socket_harms_nobody_else(gateway: GatewayAddress) -> None:
    random = np.random.default_rng(5)
    begun = asyncio.Semaphore(0)
    data = chunks(np.concatenate([say(TEXT)[: 16000 * 3], noise(1.0, 16000)]))
    expected = await summary_of(gateway.ws("/speech_summary_stream"), data, 0.0, begun)
    honest = asyncio.create_task(summary_of(gateway.ws("/speech_summary_stream"), data, 0.05, begun))
    for protocol in WEBSOCKETS:
        async with websockets.connect(gateway.ws(protocol.profile.path)) as connection:
            await garble(connection, random, lock_step=protocol.profile.lock_step)
    assert await honest == expected
    assert gateway.get("/health/ready")[0] == 200
