"""Clients that misbehave, one kind after the other, while others speak: what those notice, and what it costs."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.bench.bars import NONE, Bar
from tests.bench.density import servers
from tests.bench.density.load import noise_frames
from tests.bench.density.null_models import SERVED
from tests.bench.processor_time import resident_bytes
from tests.bench.realtime import Outcome, Plan, speaking
from tests.bench.result import Figure, Result
from tests.bench.wire import BINARY, PING, TEXT, Endpoint, connect, frame
from tests.gateway_server import GatewayAddress, running_gateway
from tests.soak.stage import Options, tell
from tests.triton_server import wait_until

IDLE_MB = Bar(300)
HANDSHAKE_P99_MS = Bar(200)
OTHERS_OVER_MS = Bar(100)
_OTHERS = 4
_QUIET_SECONDS = 10.0
_SECONDS = 10.0
_MANY = 10_000
_KEYS = 100_000
_PIPELINED = 50
_AT_ONCE = 20
_WAITED_SECONDS = 0.5
_HANDSHAKES = 200
_HEADS, _HEAD_SECONDS = 500, 4.0
_KEY = "the-key-of-the-others"
SILENCE = frame(BINARY, bytes(3200))


@dataclass(frozen=True)
class Attacked:
    """The gateway, and how much of everything is tried: 1.0 is all of it."""

    gateway: GatewayAddress
    scale: float

    def many(self, count: int) -> int:
        return max(1, round(count * self.scale))

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.gateway.ports["voice"])

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.gateway.ports["voice"], f"/speech_summary_stream?token={_KEY}", ("16000",))


async def wrong_keys(attacked: Attacked) -> int:
    """Over a few connections, as many at once as each takes; whoever is made to wait goes, and comes again."""
    request = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nkey: wrong%d\r\n\r\n"

    async def guess(count: int) -> int:
        for at in range(0, count, _PIPELINED):
            reader, writer = await attacked.open()
            batch = b"".join(request % number for number in range(at, at + _PIPELINED - 1))
            writer.write(batch + (request % at)[:-2] + b"Connection: close\r\n\r\n")
            with contextlib.suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(), _WAITED_SECONDS)
            writer.transport.abort()
        return count

    each = max(_PIPELINED, attacked.many(_KEYS) // _AT_ONCE)
    return sum(await asyncio.gather(*(guess(each) for _ in range(_AT_ONCE))))


async def _flooded(attacked: Attacked, data: bytes, *, read: bool = True) -> int:
    """How many bytes one connection of a good client takes of this in the time."""
    wire = await connect(attacked.endpoint)
    end, sent = time.monotonic() + _SECONDS * attacked.scale, 0
    if not read:
        wire.transport.pause_reading()
    while time.monotonic() < end and not wire.transport.is_closing():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await wire.send(data)
                sent += len(data)
        await asyncio.sleep(0)
    wire.transport.abort()
    return sent


async def pings(attacked: Attacked) -> int:
    return await _flooded(attacked, frame(PING, b"x" * 100) * 200)


async def one_byte_frames(attacked: Attacked) -> int:
    return await _flooded(attacked, frame(BINARY, b"x") * 200)


async def never_reading(attacked: Attacked) -> int:
    return await _flooded(attacked, frame(BINARY, bytes(640)) * 100, read=False)


async def json_bombs(attacked: Attacked) -> int:
    return await _flooded(attacked, frame(TEXT, b"[" * 60_000))


async def _asked(attacked: Attacked, request: bytes) -> int:
    """The same again and again; how many got an answer."""
    end, answered = time.monotonic() + _SECONDS * attacked.scale, 0
    while time.monotonic() < end:
        reader, writer = await attacked.open()
        with contextlib.suppress(ConnectionError):
            writer.write(request)
            answered += (await reader.read())[8:10] == b" 4"
        writer.close()
    return answered


async def huge_queries(attacked: Attacked) -> int:
    return await _asked(attacked, b"GET /v1/models?x=" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")


async def compressed_bodies(attacked: Attacked) -> int:
    """A megabyte that says that it would be a gigabyte."""
    head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nkey: {_KEY}\r\nConnection: close\r\n"
    body = b"Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n" + bytes(1000)
    return await _asked(attacked, head.encode() + body)


async def slow_heads(attacked: Attacked) -> int:
    """Requests that never end, a byte now and then; how many of them are told so and hung up on."""
    opened = [await attacked.open() for _ in range(attacked.many(_HEADS))]
    for byte in b"GET":  # what is sent after the answer would only reset it
        for _, writer in opened:
            writer.write(bytes([byte]))
        await asyncio.sleep(1.0 * attacked.scale)
    told = 0
    for reader, writer in opened:
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_HEAD_SECONDS):
                told += b" 408 " in await reader.read()
        writer.transport.abort()
    return told


KINDS: Mapping[str, Callable[[Attacked], Awaitable[int]]] = {
    each.__name__.replace("_", " "): each
    for each in (
        *(wrong_keys, pings, one_byte_frames, never_reading, json_bombs, huge_queries, compressed_bodies),
        slow_heads,
    )
}


async def idle_sockets(attacked: Attacked) -> list[Figure]:
    """Each upgraded and silent; then others shake hands."""
    count, pid = attacked.many(_MANY), attacked.gateway.pid
    before = resident_bytes(pid)
    wires = [await connect(attacked.endpoint) for _ in range(count)]
    taken_mb = (resident_bytes(pid) - before) / 1e6
    tell(f"abuse: {count} idle sockets take {taken_mb:.0f} MB")
    seconds = []
    for _ in range(attacked.many(_HANDSHAKES)):
        began = time.monotonic()
        wires.append(await connect(attacked.endpoint))
        seconds.append(time.monotonic() - began)
    closed = sum(wire.transport.is_closing() for wire in wires)
    for wire in wires:
        wire.transport.abort()
    p99_ms = 1000 * float(np.percentile(seconds, 99))
    note = f"{count} sockets, each accepted and silent"
    return [
        Figure("idle sockets", count),
        Figure("idle sockets: all of the gateway", resident_bytes(pid) / 1e6, "MB", IDLE_MB, note),
        Figure("idle sockets: of these for them", taken_mb, "MB"),
        Figure("idle sockets: hung up on", closed, bar=NONE),
        Figure("idle sockets: others' handshakes p99", p99_ms, "ms", HANDSHAKE_P99_MS),
    ]


def measure(options: Options, scale: float = 1.0) -> Result:
    with guarded_gateway() as gateway:
        attacked = Attacked(gateway, scale)
        spans = dict[str, tuple[float, float, int]]()
        idle = asyncio.run(idle_sockets(attacked))
        with speaking(Plan([attacked.endpoint] * _OTHERS, [noise_frames(100)], 3600)) as others:
            began = time.monotonic()
            time.sleep(_QUIET_SECONDS * scale)
            quiet = (began, time.monotonic())
            for name, attack in KINDS.items():
                began = time.monotonic()
                done = asyncio.run(_run(attack, attacked))
                spans[name] = (began, time.monotonic(), done)
                tell(f"abuse: {name}: {done} in {time.monotonic() - began:.0f} s")
            outcome = others.outcome(now=True)
        figures = _figures(outcome, quiet, spans)
        unending = attacked.many(_HEADS) - spans["slow heads"][2]
        figures.append(Figure("slow heads: not hung up on", unending, bar=NONE))
        figures += idle
        figures.append(Figure("all of the gateway in the end", resident_bytes(gateway.pid) / 1e6, "MB"))
        wait_until(lambda: gateway.metric("gateway_held_bytes") == 0)
        figures.append(Figure("bytes still held in the end", gateway.metric("gateway_held_bytes"), bar=NONE))
        figures.append(Figure("errors in the log", gateway.log_file.read_text().count(" ERROR "), bar=NONE))
    return Result("abuse", figures)


async def _run(attack: Callable[[Attacked], Awaitable[int]], attacked: Attacked) -> int:
    return await attack(attacked)


@contextlib.contextmanager
def guarded_gateway() -> Iterator[GatewayAddress]:
    """Before models that take no time; nobody comes in without a key."""
    settings = {
        "GATEWAY_TRITON__MODELS": f"[{', '.join(SERVED)}]",
        "GATEWAY_SERVER__MAX_CONNECTIONS": "12000",
        "GATEWAY_SERVER__HEAD_SECONDS": str(_HEAD_SECONDS),
        "GATEWAY_KEYS__CLIENTS": f"[others:{_KEY}]",
    }
    with servers.null_triton() as triton, TemporaryDirectory() as state:
        settings["GATEWAY_TRITON__GRPC_PORT"] = str(triton.port)
        with running_gateway(None, Path(state), settings) as gateway:
            wait_until(lambda: gateway.get("/health/ready")[0] == 200)
            yield gateway


def _figures(
    outcome: Outcome, quiet: tuple[float, float], spans: Mapping[str, tuple[float, float, int]]
) -> list[Figure]:
    before = _p99_ms(outcome, *quiet)
    figures = [Figure("others' replies p99, before", before, "ms")]
    for name, (began, ended, done) in spans.items():
        note = f"{done} in {ended - began:.0f} s"
        more = _p99_ms(outcome, began, ended) - before
        figures.append(Figure(f"{name}: others' p99 over before", more, "ms", OTHERS_OVER_MS, note))
    return [
        *figures,
        Figure("others' replies lost", outcome.lost, bar=NONE),
        Figure("others closed", outcome.closed, bar=NONE),
    ]


def _p99_ms(outcome: Outcome, start: float, end: float) -> float:
    latencies = outcome.between(start, end)
    return float(np.percentile(latencies, 99)) * 1000 if len(latencies) else float("nan")
