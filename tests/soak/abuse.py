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
from tests.bench.processor_time import process_seconds, resident_bytes
from tests.bench.realtime import Outcome, Plan, speaking
from tests.bench.result import Figure, Result
from tests.bench.wire import BINARY, connect, frame
from tests.gateway_server import GatewayAddress, running_gateway
from tests.soak.misbehaviour import HEAD_SECONDS, HEADS, KEY, KINDS, Attacked
from tests.soak.stage import Options, tell
from tests.triton_server import wait_until

IDLE_MB = Bar(300)
HANDSHAKE_P99_MS = Bar(200)
OTHERS_OVER_MS = Bar(100)
# Of a core. Who guesses pays with time: all of it is spent on waiting for us.
GUESSING_PERCENT = Bar(10)
_OTHERS = 4
_QUIET_SECONDS = 10.0
_MANY = 10_000
_HANDSHAKES = 200
SILENCE = frame(BINARY, bytes(3200))


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
        spans, used = dict[str, tuple[float, float, int]](), dict[str, Used]()
        idle = asyncio.run(idle_sockets(attacked))
        with speaking(Plan([attacked.endpoint] * _OTHERS, [noise_frames(100)], 3600)) as others:
            began, before_quiet = time.monotonic(), Used.now(gateway)
            time.sleep(_QUIET_SECONDS * scale)
            quiet = (began, time.monotonic())
            idly = Used.now(gateway).since(before_quiet).gateway / (quiet[1] - quiet[0])
            for name, attack in KINDS.items():
                began, before = time.monotonic(), Used.now(gateway)
                done = asyncio.run(_run(attack, attacked))
                spans[name] = (began, time.monotonic(), done)
                used[name] = Used.now(gateway).since(before, idly * (time.monotonic() - began))
                tell(f"abuse: {name}: {done} in {time.monotonic() - began:.0f} s")
            outcome = others.outcome(now=True)
        figures = [*_figures(outcome, quiet, spans), _cost_of_guessing(used, spans)]
        unending = attacked.many(HEADS) - spans["slow heads"][2]
        figures.append(Figure("slow heads: not hung up on", unending, bar=NONE))
        figures += idle
        figures.append(Figure("all of the gateway in the end", resident_bytes(gateway.pid) / 1e6, "MB"))
        wait_until(lambda: gateway.metric("gateway_held_bytes") == 0)
        figures.append(Figure("bytes still held in the end", gateway.metric("gateway_held_bytes"), bar=NONE))
        figures.append(Figure("errors in the log", gateway.log_file.read_text().count(" ERROR "), bar=NONE))
    return Result("abuse", figures)


async def _run(attack: Callable[[Attacked], Awaitable[int]], attacked: Attacked) -> int:
    return await attack(attacked)


@dataclass(frozen=True)
class Used:
    """Processor seconds of the gateway, and of this process, which is the one that misbehaves."""

    gateway: float
    ours: float

    @classmethod
    def now(cls, gateway: GatewayAddress) -> "Used":
        return cls(process_seconds(gateway.pid), time.process_time())

    def since(self, before: "Used", idly_seconds: float = 0.0) -> "Used":
        return Used(self.gateway - before.gateway - idly_seconds, self.ours - before.ours)


def _cost_of_guessing(costs: Mapping[str, Used], spans: Mapping[str, tuple[float, float, int]]) -> Figure:
    used, (began, ended, _) = costs["wrong keys"], spans["wrong keys"]
    seconds = ended - began
    note = f"{used.gateway:.1f} s of ours; who guesses spends {used.ours:.1f} s and waits {seconds:.0f} s"
    return Figure("wrong keys: of a core", 100 * used.gateway / seconds, "%", GUESSING_PERCENT, note)


@contextlib.contextmanager
def guarded_gateway() -> Iterator[GatewayAddress]:
    """Before models that take no time; nobody comes in without a key."""
    settings = {
        "GATEWAY_TRITON__MODELS": f"[{', '.join(SERVED)}]",
        "GATEWAY_SERVER__MAX_CONNECTIONS": "12000",
        "GATEWAY_SERVER__HEAD_SECONDS": str(HEAD_SECONDS),
        "GATEWAY_KEYS__CLIENTS": f"[others:{KEY}]",
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
