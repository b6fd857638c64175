"""Something breaks under streams that speak: when is the service back without a hand, and what was lost?"""

import asyncio
import contextlib
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import websockets

from tests.bench.bars import NONE, Bar
from tests.bench.result import Figure
from tests.gateway.connections import worker_of
from tests.gateway.rest import TEMPLATES, post_file, post_samples
from tests.gateway_server import GatewayAddress, children
from tests.readings import parts
from tests.soak.stage import REPOSITORY, tell
from tests.soak.tcp_proxy import TcpProxy
from tests.sounds import wav
from tests.triton_server import TritonAddress, running_triton, wait_until

_STREAMS = 20
_SECONDS = 8.0
_PACE_SECONDS = 0.1
_BROKEN_SECONDS = 2.0
_PATIENCE_SECONDS = 120.0
SETTINGS = {"GATEWAY_TRITON__ATTEMPT_SECONDS": "1.0", "GATEWAY_TRITON__GIVE_UP_SECONDS": "120"}
_SUMMARY = "/speech_summary_stream"


@dataclass(frozen=True)
class Stage:
    gateway: GatewayAddress
    triton: TritonAddress
    link: TcpProxy

    @property
    def trusting(self) -> ssl.SSLContext | None:
        """Who speaks to it trusts in these."""
        return None

    def is_back(self) -> bool:
        """Files and streams are served again: more than readiness says."""
        ready = self.gateway.get("/health/ready")[0] == 200
        return ready and post_samples(self.gateway, TEMPLATES + "samples", parts()[0])[0] == 200


def kill_triton(stage: Stage) -> int:
    assert stage.triton.server_pid
    os.kill(stage.triton.server_pid, signal.SIGKILL)
    return 1


def stop_triton(stage: Stage) -> int:
    """It holds every call and answers none; the launcher ends it."""
    assert stage.triton.server_pid
    os.kill(stage.triton.server_pid, signal.SIGSTOP)
    return 1


def slow_triton(stage: Stage) -> int:
    """It has a fifth of its time."""
    pid = stage.triton.server_pid
    assert pid
    end, stops = time.monotonic() + _BROKEN_SECONDS, 0
    while time.monotonic() < end:
        for number, seconds in ((signal.SIGSTOP, 0.2), (signal.SIGCONT, 0.05)):
            os.kill(pid, number)
            time.sleep(seconds)
        stops += 1
    return stops


def kill_stub(stage: Stage) -> int:
    os.kill(stage.triton.stub_pids("vad")[0], signal.SIGKILL)
    return 1


def cut_link(stage: Stage) -> int:
    before = stage.link.hit
    stage.link.is_cut = True
    stage.link.reset()
    time.sleep(_BROKEN_SECONDS)
    stage.link.is_cut = False
    return stage.link.hit - before


def delay_link(stage: Stage) -> int:
    before = stage.link.hit
    stage.link.delay_seconds = 0.2
    time.sleep(_BROKEN_SECONDS)
    stage.link.delay_seconds = 0.0
    return stage.link.hit - before


def reset_link(stage: Stage) -> int:
    before, end = stage.link.hit, time.monotonic() + _BROKEN_SECONDS
    while time.monotonic() < end:
        stage.link.reset()
        time.sleep(0.3)
    return stage.link.hit - before


def kill_decoders(stage: Stage) -> int:
    """While they may be at work; the next file is served."""
    assert post_file(stage.gateway, TEMPLATES + "file", wav(parts()[0]))[0] == 200
    decoders = children(stage.gateway.pid, "frontend.media.worker")
    for pid in decoders:
        os.kill(pid, signal.SIGKILL)
    assert post_file(stage.gateway, TEMPLATES + "file", wav(parts()[0]))[0] == 200
    return len(decoders)


MISHAPS: Mapping[str, Callable[[Stage], int]] = {
    "Triton killed": kill_triton,
    "Triton stopped": stop_triton,
    "Triton slowed": slow_triton,
    "a model's process killed": kill_stub,
    "the way to Triton cut for 2 s": cut_link,
    "the way to Triton slow by 200 ms": delay_link,
    "the way to Triton reset every 300 ms": reset_link,
    "the decoders killed": kill_decoders,
}


S = TypeVar("S", bound=Stage)


@dataclass(frozen=True)
class Heard:
    """All replies of a stream, the longest time without one, and the workers that lost it before."""

    replies: Sequence[str]
    pause_seconds: float
    lost_by: Sequence[int] = ()


async def speak(stage: Stage, data: Sequence[bytes], pace_seconds: float) -> Heard:
    """Whoever is lost connects anew, and says all again."""
    lost_by = list[int]()
    began = time.monotonic()
    while True:
        connection = await websockets.connect(
            stage.gateway.ws(_SUMMARY), ssl=stage.trusting, ping_interval=None, compression=None
        )
        try:
            async with connection:
                heard = await _speak(connection, data, pace_seconds)
            pause_seconds = time.monotonic() - began - len(data) * pace_seconds if lost_by else heard.pause_seconds
            return Heard(heard.replies, pause_seconds, lost_by)
        except websockets.ConnectionClosed:
            lost_by.append(worker_of(connection))


async def _speak(connection: websockets.ClientConnection, data: Sequence[bytes], pace_seconds: float) -> Heard:
    await connection.send("16000")
    assert await connection.recv() == "200"
    sending = asyncio.create_task(_send(connection, data, pace_seconds))
    replies, pause, last = [], 0.0, time.monotonic()
    try:
        for _ in data:
            replies.append(str(await connection.recv()))
            now = time.monotonic()
            pause, last = max(pause, now - last), now
    finally:
        await asyncio.gather(sending, return_exceptions=True)
    return Heard(replies, pause)


async def _send(connection: websockets.ClientConnection, data: Sequence[bytes], pace_seconds: float) -> None:
    for chunk in data:
        await connection.send(chunk)
        await asyncio.sleep(pace_seconds)


@dataclass(frozen=True)
class Suffered:
    """What happened how often, and what it cost."""

    times: int
    wrong: int
    lost_by: Sequence[int]
    pause_seconds: float
    back_seconds: float


async def suffer(stage: S, mishap: Callable[[S], int], streams: int = _STREAMS, seconds: float = _SECONDS) -> Suffered:
    """Streams speak for so long, and after a third of it something happens."""
    samples = np.resize(np.concatenate([parts()[0], np.zeros(8000, np.int16)]), round(seconds * 16000))
    data = [samples[at : at + 1600].tobytes() for at in range(0, len(samples), 1600)]
    expected = (await speak(stage, data, 0.0)).replies
    speaking = [asyncio.create_task(speak(stage, data, _PACE_SECONDS)) for _ in range(streams)]
    await asyncio.sleep(seconds / 3)
    began = time.monotonic()
    times = await asyncio.to_thread(mishap, stage)
    await asyncio.to_thread(wait_until, stage.is_back, _PATIENCE_SECONDS)
    back_seconds = time.monotonic() - began
    heard = await asyncio.gather(*speaking)
    wrong = sum(one != other for each in heard for one, other in zip(each.replies, expected, strict=True))
    lost_by = [worker for each in heard for worker in each.lost_by]
    return Suffered(times, wrong, lost_by, max(each.pause_seconds for each in heard), back_seconds)


def figures_of(name: str, suffered: Suffered) -> list[Figure]:
    """A mishap that did not happen proves nothing; whoever is lost is lost with one worker alone."""
    note = f"worst pause {suffered.pause_seconds:.1f} s, well again after {suffered.back_seconds:.1f} s"
    lost = len(suffered.lost_by)
    tell(f"chaos: {name}: {suffered.times} times, {suffered.wrong} replies wrong, {lost} streams lost, {note}")
    figures = [
        Figure(f"{name}: times", suffered.times, bar=Bar(1, at_least=True)),
        Figure(f"{name}: replies lost or wrong", suffered.wrong, bar=NONE, note=note),
    ]
    if "worker" in name:
        workers = len(set(suffered.lost_by))
        return [*figures, Figure(f"{name}: workers that lost streams", workers, bar=Bar(1), note=f"{lost} streams")]
    return [*figures, Figure(f"{name}: streams lost", lost, bar=NONE)]


@contextlib.contextmanager
def stages() -> Iterator[tuple[TritonAddress, TcpProxy, Path]]:
    """A Triton of its own, the way to it, and where a gateway may keep its files."""
    patience = ["--unresponsive-seconds", "3"]
    with (
        TemporaryDirectory() as state,
        running_triton(REPOSITORY, Path(state) / "triton", launcher_arguments=patience) as triton,
        TcpProxy(triton.grpc_port).running() as link,
    ):
        yield replace(triton, grpc_port=link.port), link, Path(state) / "gateway"
