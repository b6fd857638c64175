"""What a second worker adds, with models that take no time: twice the streams on two, against the streams on one.

The load and the models need a core as well, so two workers cannot be filled on a small machine. Each worker's processor
time is counted instead: given a core each, two carry as many times the streams of one as the busier of them takes less
than one that serves all.
"""

import statistics
from collections.abc import Sequence

from tests.bench import bars
from tests.bench.density.cost import doors
from tests.bench.density.load import Outcome, Plan, speak
from tests.bench.density.null_stage import null_gateway
from tests.bench.result import Figure
from tests.bench.stage import progress
from tests.gateway_server import GatewayAddress

_STREAMS = 100  # of a worker
_MESSAGE_MS = 100
_TURNS = 3


def measure(seconds: float = 10.0) -> list[Figure]:
    with null_gateway() as one, null_gateway(2) as two:
        pairs = [
            (_speak(one, [one.pid], _STREAMS, seconds), _speak(two, two.worker_pids, 2 * _STREAMS, seconds))
            for _ in progress(range(_TURNS), "one worker and two")
        ]
    times = [2 * single.busy_seconds[0] / max(both.busy_seconds) for single, both in pairs]
    shares = [max(both.busy_seconds) / sum(both.busy_seconds) for _, both in pairs]
    faults = sum(outcome.faults for pair in pairs for outcome in pair)
    latest = max(outcome.p99_ms for pair in pairs for outcome in pair)
    turns = ", ".join(f"{each:.2f}" for each in times)
    note = f"{_STREAMS} streams a worker; replies' p99 at most {latest:.0f} ms; turns {turns}"
    return [
        Figure("two workers to one", statistics.median(times), "times", bars.WORKERS_TIMES, note),
        Figure(
            "the busier worker's share", 100 * statistics.median(shares), "%", note="as the kernel gives connections"
        ),
        Figure("workers: replies lost, too many, closed", faults, bar=bars.NONE),
    ]


def _speak(gateway: GatewayAddress, pids: Sequence[int], streams: int, seconds: float) -> Outcome:
    door = doors(gateway.ports)["endpoint"]
    return speak(Plan([door] * streams, _MESSAGE_MS, seconds, pids))
