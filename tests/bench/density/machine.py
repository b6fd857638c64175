"""The whole machine: the real models, the gateway and the clients share its cores."""

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from tests.bench import bars
from tests.bench.density.cost import doors
from tests.bench.density.load import Outcome, Plan, speak
from tests.bench.result import Figure
from tests.bench.stage import Bench, progress

_MESSAGE_MS = 100
_SECONDS = 10.0
_TURNS = 3

Loads = Mapping[int, Sequence[Outcome]]


def measure(bench: Bench) -> tuple[list[Figure], Loads]:
    """The median turn counts."""
    door = doors(bench.gateway.ports)["endpoint"]
    counts = (1, *bars.MACHINE_P99_MS)
    loads: dict[int, list[Outcome]] = {count: [] for count in counts}
    for count in progress(counts * _TURNS, "the whole machine"):
        loads[count].append(speak(Plan([door] * count, _MESSAGE_MS, _SECONDS, [bench.gateway.pid])))
    alone = statistics.median(1000 * float(np.median(outcome.latency)) for outcome in loads[1])
    figures = [Figure("one stream alone: reply p50", alone, "ms", bars.ALONE_P50_MS)]
    for count, bar in bars.MACHINE_P99_MS.items():
        p99s = [outcome.p99_ms for outcome in loads[count]]
        late = max(outcome.late_ms for outcome in loads[count])
        note = f"turns {', '.join(f'{p99:.0f}' for p99 in p99s)}; the load itself was {late:.1f} ms late at most (p99)"
        faults = sum(outcome.faults for outcome in loads[count])
        figures += [
            Figure(f"{count} streams: reply p99", statistics.median(p99s), "ms", bar, note),
            Figure(f"{count} streams: lost, too many, closed", faults, bar=bars.NONE),
        ]
    return figures, loads
