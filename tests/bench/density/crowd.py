"""How many real-time streams one process of the gateway carries on one core, with models that take no time.

The load has the other core where there is one.
"""

import contextlib
import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.bench import bars
from tests.bench.density.cost import doors
from tests.bench.density.load import Outcome, Plan, speak
from tests.bench.density.null_stage import keep_to, null_gateway
from tests.bench.result import Figure
from tests.bench.stage import progress
from tests.gateway_server import GatewayAddress

Found = TypeVar("Found")
_MESSAGE_MS = 100
_FEW, _MANY = 50, 500
_STEPS = (250, 500, 750, 1000, 1250, 1500)
_TURNS = 3
_HELD_STREAMS = 200  # whose memory is measured: what a process that falls behind holds for them is audio
_FIRST_STREAMS = 10  # after which nothing is loaded or built for the first time


@dataclass(frozen=True)
class Crowd:
    """What was found; `steps` up to the first number of streams that is not carried."""

    memory: Mapping[str, Outcome]
    few: Sequence[Outcome]
    many: Sequence[Outcome]
    steps: Mapping[int, Outcome]


def measure(seconds: float = 10.0) -> tuple[list[Figure], Crowd]:
    memory = {protocol: _memory(protocol, seconds) for protocol in ("endpoint", "live")}
    with _one_core() as gateway:
        order = [count for _ in range(_TURNS) for count in (_FEW, _MANY)]
        turns = [_speak(gateway, "endpoint", count, seconds) for count in progress(order, "few and many")]
        steps = _steps(gateway, seconds)
    crowd = Crowd(memory, turns[::2], turns[1::2], steps)
    return [*_crowd_figures(crowd), *_memory_figures(memory)], crowd


@contextlib.contextmanager
def _one_core() -> Iterator[GatewayAddress]:
    """The gateway has the first core that this process may use, the load the last, with the models that do nothing."""
    with null_gateway() as gateway:
        keep_to(gateway.pid, _cores()[0])
        yield gateway


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _speak(gateway: GatewayAddress, protocol: str, streams: int, seconds: float) -> Outcome:
    door = doors(gateway.ports)[protocol]
    answered = protocol != "live"
    return speak(Plan([door] * streams, _MESSAGE_MS, seconds, [gateway.pid], answered, _cores()[-1], gateway))


def _memory(protocol: str, seconds: float) -> Outcome:
    """In a fresh process: nothing that earlier streams left is used again."""
    with _one_core() as gateway:
        _speak(gateway, protocol, _FIRST_STREAMS, 2.0)
        return _speak(gateway, protocol, _HELD_STREAMS, seconds)


def _steps(gateway: GatewayAddress, seconds: float) -> dict[int, Outcome]:
    return dict(climb(_STEPS, lambda count: _speak(gateway, "endpoint", count, seconds), _is_carried))


def climb(
    counts: Sequence[int], speak: Callable[[int], Found], is_carried: Callable[[Found], bool]
) -> Iterator[tuple[int, Found]]:
    """Each trial, up to a number that is not carried: it is tried once more, for what disturbs the machine for a moment
    is no limit of ours."""
    for count in progress(counts, "more and more"):
        for _ in range(2):
            found = speak(count)
            yield count, found
            if is_carried(found):
                break
        else:
            return


def _is_carried(outcome: Outcome) -> bool:
    return not outcome.faults and bars.CROWD_P99_MS.holds(outcome.p99_ms)


def _crowd_figures(crowd: Crowd) -> list[Figure]:
    carried = max((count for count, outcome in crowd.steps.items() if _is_carried(outcome)), default=0)
    trials = ", ".join(f"{count}: {outcome.p99_ms:.0f} ms" for count, outcome in crowd.steps.items())
    late = max(outcome.late_ms for outcome in crowd.steps.values() if _is_carried(outcome) or carried == 0)
    few, many = (statistics.median(outcome.cost_ms for outcome in each) for each in (crowd.few, crowd.many))
    ratios = [many.cost_ms / few.cost_ms for few, many in zip(crowd.few, crowd.many, strict=True)]
    note = f"null models, one core; p99 of {trials}"
    return [
        Figure("streams carried", carried, "", bars.CROWD_STREAMS, note),
        Figure(
            "reply p99",
            statistics.median(each.p99_ms for each in crowd.many),
            "ms",
            bars.CROWD_P99_MS,
            f"{_MANY} streams",
        ),
        Figure("the load's own lateness, p99", late, "ms", note="of what was carried"),
        Figure(f"a stream of {_FEW}", few, "ms", note="processor time a stream-second"),
        Figure(f"a stream of {_MANY}", many, "ms", note="processor time a stream-second"),
        Figure(f"a stream of {_MANY} to one of {_FEW}", statistics.median(ratios), "times", bars.CROWD_GROWTH),
    ]


def _memory_figures(memory: Mapping[str, Outcome]) -> list[Figure]:
    figures = list[Figure]()
    for protocol, outcome in memory.items():
        resident = outcome.resident
        grown = (resident.connected - resident.before, resident.speaking - resident.before, resident.held)
        idle, running, audio = (each / _HELD_STREAMS / 1e3 for each in grown)
        figures += [
            Figure(
                f"{protocol}: a connected stream", idle, "kB", bars.IDLE_STREAM_KB, f"{_HELD_STREAMS} streams, resident"
            ),
            Figure(
                f"{protocol}: a running stream beyond its audio",
                running - audio,
                "kB",
                bars.RUNNING_STREAM_KB,
                f"{running:.0f} kB with {audio:.0f} of audio",
            ),
        ]
    return figures
