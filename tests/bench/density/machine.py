"""The whole machine: the real models, the gateway and the clients share its cores."""

from collections.abc import Mapping

import numpy as np

from tests.bench import bars
from tests.bench.density.cost import doors
from tests.bench.density.load import Outcome, Plan, speak
from tests.bench.result import Figure
from tests.bench.stage import Bench, progress

_MESSAGE_MS = 100
_SECONDS = 20.0


def measure(bench: Bench) -> tuple[list[Figure], Mapping[int, Outcome]]:
    door = doors(bench.gateway.ports)["endpoint"]
    counts = (1, *bars.MACHINE_P99_MS)
    outcomes = {
        count: speak(Plan([door] * count, _MESSAGE_MS, _SECONDS, [bench.gateway.pid]))
        for count in progress(counts, "the whole machine")
    }
    alone = 1000 * float(np.median(outcomes[1].latency))
    figures = [Figure("one stream alone: reply p50", alone, "ms", bars.ALONE_P50_MS)]
    for count, bar in bars.MACHINE_P99_MS.items():
        outcome = outcomes[count]
        note = f"the load itself was {outcome.late_ms:.1f} ms late (p99)"
        figures.append(Figure(f"{count} streams: reply p99", outcome.p99_ms, "ms", bar, note))
        figures.append(Figure(f"{count} streams: lost, too many, closed", outcome.faults, bar=bars.NONE))
    return figures, outcomes
