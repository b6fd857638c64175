"""How many real-time streams one worker carries and several do, where each has a core: with models that take no time,
then with the real ones.

Beside each worker a load and a Triton need cores, so this is for machines with more than a few.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.bench import bars
from tests.bench.density.cost import doors
from tests.bench.density.crowd import climb
from tests.bench.density.load import Outcome, Plan, speaking
from tests.bench.density.null_stage import MANY_CONNECTIONS, null_gateway
from tests.bench.result import Figure
from tests.bench.stage import REPOSITORY
from tests.gateway_server import GatewayAddress, running_workers
from tests.triton_server import running_triton

WORKERS = (1, 2, 4)
CORES_A_WORKER = 4  # its own, a Triton's, and those of the load
_STEPS = (500, 750, 1000, 1250, 1500, 1750, 2000)  # of a worker
_REAL_STEPS = (200, 400, 600, 800, 1000, 1200)
_STREAMS_A_LOAD = 250
_MESSAGE_MS = 100


@dataclass(frozen=True)
class Crowd:
    """All loads together; of the workers the busiest, in parts of a core."""

    streams: int
    p99_ms: float
    late_ms: float
    faults: int
    busiest: float

    @property
    def is_carried(self) -> bool:
        """Each reply is there before its client has recorded the next message."""
        return not self.faults and bars.REPLY_P99_MS.holds(self.p99_ms)

    def __str__(self) -> str:
        late = f", the load {self.late_ms:.0f} ms late" if self.late_ms > 5 else ""
        faults = f", {self.faults} faults" if self.faults else ""
        return f"{self.streams}: {self.p99_ms:.0f} ms at {self.busiest:.2f} of a core{late}{faults}"


def measure(seconds: float = 10.0, workers: Sequence[int] = WORKERS) -> list[Figure]:
    """As many workers as there are cores for."""
    cores = len(os.sched_getaffinity(0))
    able = [count for count in workers if count * CORES_A_WORKER <= cores]
    null = {count: _climb(count, seconds) for count in able}
    figures = [_figure(f"{count} workers, null models: streams", crowds) for count, crowds in null.items()]
    if {1, 2} <= null.keys():
        times = _most(null[2]) / max(1, _most(null[1]))
        figures.append(Figure("streams of two workers, in those of one", times, "times", bars.WORKERS_TIMES))
    figures += [_figure(f"{count} workers, real models: streams", _climb_real(count, seconds)) for count in able]
    return figures


def _figure(name: str, crowds: Sequence[Crowd]) -> Figure:
    return Figure(name, _most(crowds), note="p99 of " + "; ".join(map(str, crowds)))


def _most(crowds: Sequence[Crowd]) -> int:
    return max((crowd.streams for crowd in crowds if crowd.is_carried), default=0)


def _climb(workers: int, seconds: float) -> list[Crowd]:
    with null_gateway(workers, tritons=workers) as gateway:
        return _until_late(gateway, [workers * step for step in _STEPS], seconds)


def _climb_real(workers: int, seconds: float) -> list[Crowd]:
    with _real_gateway(workers) as gateway:
        return _until_late(gateway, _REAL_STEPS, seconds)


@contextlib.contextmanager
def _real_gateway(workers: int) -> Iterator[GatewayAddress]:
    settings = MANY_CONNECTIONS | {"GATEWAY_SERVER__WORKERS": str(workers)}
    with (
        TemporaryDirectory() as state,
        running_triton(REPOSITORY, Path(state) / "triton", wait_for=["vad"]) as triton,
        running_workers(triton, Path(state) / "gateway", settings) as gateway,
    ):
        yield gateway


def _until_late(gateway: GatewayAddress, steps: Sequence[int], seconds: float) -> list[Crowd]:
    trials = climb(steps, lambda streams: _speak(gateway, streams, seconds), lambda crowd: crowd.is_carried)
    return [crowd for _, crowd in trials]


def _speak(gateway: GatewayAddress, streams: int, seconds: float) -> Crowd:
    door = doors(gateway.ports)["endpoint"]
    pids = gateway.worker_pids or [gateway.pid]
    loads = -(-streams // _STREAMS_A_LOAD)
    shares = [streams // loads + (number < streams % loads) for number in range(loads)]
    with contextlib.ExitStack() as running:
        plans = [Plan([door] * share, _MESSAGE_MS, seconds, pids) for share in shares]
        pipes = [running.enter_context(speaking(plan)) for plan in plans]
        return _together([pipe.recv() for pipe in pipes], seconds)


def _together(outcomes: Sequence[Outcome], seconds: float) -> Crowd:
    return Crowd(
        streams=round(sum(outcome.stream_seconds for outcome in outcomes) / seconds),
        p99_ms=1000 * float(np.percentile(np.concatenate([outcome.latency for outcome in outcomes]), 99)),
        late_ms=max(outcome.late_ms for outcome in outcomes),
        faults=sum(outcome.faults for outcome in outcomes),
        busiest=max(outcomes[0].busy_seconds) / seconds,
    )
