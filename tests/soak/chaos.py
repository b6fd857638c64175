"""Something breaks under streams that speak: when is the service back without a hand, and what was lost?"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import websockets

from tests.bench.bars import NONE
from tests.bench.result import Figure, Result
from tests.gateway.rest import TEMPLATES, post_file, post_samples
from tests.gateway_server import GatewayAddress, children, running_gateway
from tests.readings import parts
from tests.soak.stage import REPOSITORY, Options, tell
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

    def is_back(self) -> bool:
        """Files and streams are served again: more than readiness says."""
        ready = self.gateway.get("/health/ready")[0] == 200
        return ready and post_samples(self.gateway, TEMPLATES + "samples", parts()[0])[0] == 200


def kill_triton(stage: Stage) -> None:
    assert stage.triton.server_pid
    os.kill(stage.triton.server_pid, signal.SIGKILL)


def stop_triton(stage: Stage) -> None:
    """It holds every call and answers none; the launcher ends it."""
    assert stage.triton.server_pid
    os.kill(stage.triton.server_pid, signal.SIGSTOP)


def slow_triton(stage: Stage) -> None:
    """It has a fifth of its time."""
    pid = stage.triton.server_pid
    assert pid
    end = time.monotonic() + _BROKEN_SECONDS
    while time.monotonic() < end:
        for number, seconds in ((signal.SIGSTOP, 0.2), (signal.SIGCONT, 0.05)):
            os.kill(pid, number)
            time.sleep(seconds)


def kill_stub(stage: Stage) -> None:
    os.kill(stage.triton.stub_pids("vad")[0], signal.SIGKILL)


def cut_link(stage: Stage) -> None:
    stage.link.is_cut = True
    stage.link.reset()
    time.sleep(_BROKEN_SECONDS)
    stage.link.is_cut = False


def delay_link(stage: Stage) -> None:
    stage.link.delay_seconds = 0.2
    time.sleep(_BROKEN_SECONDS)
    stage.link.delay_seconds = 0.0


def reset_link(stage: Stage) -> None:
    end = time.monotonic() + _BROKEN_SECONDS
    while time.monotonic() < end:
        stage.link.reset()
        time.sleep(0.3)


def kill_decoders(stage: Stage) -> None:
    """While they may be at work; the next file is served."""
    assert post_file(stage.gateway, TEMPLATES + "file", wav(parts()[0]))[0] == 200
    decoders = children(stage.gateway.pid, "frontend.media.worker")
    assert decoders
    for pid in decoders:
        os.kill(pid, signal.SIGKILL)
    assert post_file(stage.gateway, TEMPLATES + "file", wav(parts()[0]))[0] == 200


MISHAPS: Mapping[str, Callable[[Stage], None]] = {
    "Triton killed": kill_triton,
    "Triton stopped": stop_triton,
    "Triton slowed": slow_triton,
    "a model's process killed": kill_stub,
    "the way to Triton cut for 2 s": cut_link,
    "the way to Triton slow by 200 ms": delay_link,
    "the way to Triton reset every 300 ms": reset_link,
    "the decoders killed": kill_decoders,
}


@dataclass(frozen=True)
class Heard:
    """All replies of a stream, and the longest time without one."""

    replies: Sequence[str]
    pause_seconds: float


async def speak(url: str, data: Sequence[bytes], pace_seconds: float) -> Heard:
    async with websockets.connect(url, ping_interval=None, compression=None) as connection:
        await connection.send("16000")
        assert await connection.recv() == "200"
        sending = asyncio.create_task(_send(connection, data, pace_seconds))
        replies, pause, last = [], 0.0, time.monotonic()
        for _ in data:
            replies.append(str(await connection.recv()))
            now = time.monotonic()
            pause, last = max(pause, now - last), now
        await sending
        return Heard(replies, pause)


async def _send(connection: websockets.ClientConnection, data: Sequence[bytes], pace_seconds: float) -> None:
    for chunk in data:
        await connection.send(chunk)
        await asyncio.sleep(pace_seconds)


async def suffer(stage: Stage, mishap: Callable[[Stage], None], streams: int) -> tuple[int, float, float]:
    """How many replies are not those of an undisturbed run, the longest pause, and when all is well again."""
    samples = np.resize(np.concatenate([parts()[0], np.zeros(8000, np.int16)]), round(_SECONDS * 16000))
    data = [samples[at : at + 1600].tobytes() for at in range(0, len(samples), 1600)]
    url = stage.gateway.ws(_SUMMARY)
    expected = (await speak(url, data, 0.0)).replies
    speaking = [asyncio.create_task(speak(url, data, _PACE_SECONDS)) for _ in range(streams)]
    await asyncio.sleep(_SECONDS / 3)
    began = time.monotonic()
    await asyncio.to_thread(mishap, stage)
    await asyncio.to_thread(wait_until, stage.is_back, _PATIENCE_SECONDS)
    back_seconds = time.monotonic() - began
    heard = await asyncio.gather(*speaking)
    wrong = sum(one != other for each in heard for one, other in zip(each.replies, expected, strict=True))
    return wrong, max(each.pause_seconds for each in heard), back_seconds


def measure(options: Options, streams: int = _STREAMS, mishaps: Sequence[str] = tuple(MISHAPS)) -> Result:
    figures = []
    with _stage() as stage:
        for name in mishaps:
            wrong, pause, back = asyncio.run(suffer(stage, MISHAPS[name], streams))
            tell(f"chaos: {name}: {wrong} replies wrong, worst pause {pause:.1f} s, well again after {back:.1f} s")
            note = f"{streams} streams, worst pause {pause:.1f} s, well again after {back:.1f} s"
            figures.append(Figure(f"{name}: replies lost or wrong", wrong, bar=NONE, note=note))
        errors = stage.gateway.log_file.read_text().count(" ERROR ")
    return Result("chaos", [*figures, Figure("errors in the log", errors, bar=NONE)])


@contextlib.contextmanager
def _stage() -> Iterator[Stage]:
    patience = ["--unresponsive-seconds", "3"]
    with (
        TemporaryDirectory() as state,
        running_triton(REPOSITORY, Path(state) / "triton", launcher_arguments=patience) as triton,
        TcpProxy(triton.grpc_port).running() as link,
        running_gateway(replace(triton, grpc_port=link.port), Path(state) / "gateway", SETTINGS) as gateway,
    ):
        yield Stage(gateway, triton, link)
