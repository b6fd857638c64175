"""One of two Tritons is killed, then stands still, under fifty streams: the longest that anybody waits for a reply."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import websockets
from matplotlib.figure import Figure as Drawing

from frontend.config.settings import Settings
from tests.bench import bars
from tests.bench.result import Figure, Result
from tests.bench.stage import REPOSITORY, Bench
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import TritonAddress, running_triton, wait_until

_STREAMS = 50
_SECONDS = 16.0
_HARM_AFTER_SECONDS = 5.0
_CHUNK_SECONDS = 0.1
_CHUNK = bytes(round(_CHUNK_SECONDS * 16000) * 2)
_PATH = "/speech_summary_stream"
_HARMS = {"killed": signal.SIGKILL, "standing still": signal.SIGSTOP}


@dataclass
class Waits:
    """Of one trial, seconds since it began: when each message was sent, and how long its reply took."""

    sent: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    lost: int = 0


def measure(bench: Bench) -> Result:
    trials = {}
    with _second_triton() as harmed, _gateway_before(bench.triton, harmed) as gateway:
        for name, number in _HARMS.items():
            wait_until(lambda: _serves(gateway, harmed))
            trials[name] = asyncio.run(_trial(gateway, harmed.server_pid or 0, number))
            os.kill(harmed.server_pid or 0, signal.SIGCONT)
    _draw(bench, trials)
    attempt_seconds = Settings().triton.attempt_seconds
    limits = {"killed": bars.FAILOVER_SECONDS, "standing still": bars.Bar(attempt_seconds)}
    figures = []
    for name, waits in trials.items():
        usual = [took for sent, took in zip(waits.sent, waits.took, strict=True) if sent < _HARM_AFTER_SECONDS - 1]
        figures += [
            Figure(f"one of two {name}: longest wait", max(waits.took), "s", limits[name], f"{_STREAMS} streams"),
            Figure(f"one of two {name}: longest wait before", max(usual), "s"),
            Figure(f"one of two {name}: replies that never came", waits.lost, bar=bars.NONE),
        ]
    return Result("tritons", figures)


async def _trial(gateway: GatewayAddress, pid: int, harm: int) -> Waits:
    waits, began = Waits(), time.monotonic()
    streams = [asyncio.create_task(_stream(gateway.ws(_PATH), waits, began)) for _ in range(_STREAMS)]
    await asyncio.sleep(_HARM_AFTER_SECONDS)
    os.kill(pid, harm)
    await asyncio.gather(*streams)
    return waits


async def _stream(url: str, waits: Waits, began: float) -> None:
    """Each reply belongs to the oldest message that has none."""
    async with websockets.connect(url, ping_interval=None, compression=None) as connection:
        await connection.send("16000")
        await connection.recv()
        sent: list[float] = []

        async def say() -> None:
            due = time.monotonic()
            for _ in range(round(_SECONDS / _CHUNK_SECONDS)):
                due += _CHUNK_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                sent.append(time.monotonic() - began)
                await connection.send(_CHUNK)

        saying = asyncio.create_task(say())
        for number in range(round(_SECONDS / _CHUNK_SECONDS)):
            try:
                await asyncio.wait_for(connection.recv(), 60)
            except (TimeoutError, websockets.ConnectionClosed):
                waits.lost += round(_SECONDS / _CHUNK_SECONDS) - number
                break
            waits.sent.append(sent[number])
            waits.took.append(time.monotonic() - began - sent[number])
        await saying


def _serves(gateway: GatewayAddress, triton: TritonAddress) -> bool:
    endpoint = f"127.0.0.1:{triton.grpc_port}"
    with contextlib.suppress(KeyError):
        return gateway.metric(f'gateway_endpoint_ready{{endpoint="{endpoint}",model="vad"}}') == 1
    return False


@contextlib.contextmanager
def _second_triton() -> Iterator[TritonAddress]:
    """With voice activity alone."""
    with TemporaryDirectory() as folder:
        shutil.copytree(REPOSITORY / "vad", Path(folder) / "repository" / "vad")
        with running_triton(Path(folder) / "repository", Path(folder) / "triton") as address:
            yield address


@contextlib.contextmanager
def _gateway_before(*tritons: TritonAddress) -> Iterator[GatewayAddress]:
    addresses = ", ".join(f"'127.0.0.1:{each.grpc_port}'" for each in tritons)
    settings = {"GATEWAY_TRITON__ENDPOINTS": f"[{addresses}]", "GATEWAY_TRITON__MODELS": "[vad]"}
    with TemporaryDirectory() as state, running_gateway(tritons[0], Path(state), settings) as gateway:
        yield gateway


def _draw(bench: Bench, trials: dict[str, Waits]) -> None:
    drawing = Drawing(figsize=(9, 4), layout="constrained")
    axes = drawing.subplots()
    for name, waits in trials.items():
        axes.plot(waits.sent, np.array(waits.took), ".", markersize=2, label=f"one of two {name}")
    axes.axvline(_HARM_AFTER_SECONDS, color="tab:grey", linestyle="--")
    axes.set(xlabel="message sent, s", ylabel="its reply, s later", title=f"{_STREAMS} streams before two Tritons")
    axes.legend()
    drawing.savefig(bench.picture("tritons"), dpi=120)
