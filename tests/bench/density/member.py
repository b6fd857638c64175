"""All parts of the benchmark in one run, with one picture."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from tests.bench import bars
from tests.bench.density import cost, crowd, machine, workers
from tests.bench.density.load import Outcome
from tests.bench.result import Result
from tests.bench.stage import Bench


def measure(bench: Bench) -> Result:
    turns = cost.Turns()
    costs, outcomes = cost.measure(bench, turns)
    alone, many = crowd.measure()
    shared, loads = machine.measure(bench)
    several = workers.measure()
    _draw(bench, turns, outcomes, many)
    details: dict[str, Any] = {
        "cost": {f"{name} at {ms} ms": [_told(each) for each in side] for (name, ms), side in outcomes.items()},
        "crowd": {count: _told(outcome) for count, outcome in many.steps.items()},
        "machine": {count: [_told(each) for each in load] for count, load in loads.items()},
    }
    return Result("density", [*costs, *alone, *shared, *several], details)


def _told(outcome: Outcome) -> dict[str, float]:
    return {
        "cost_ms": round(outcome.cost_ms, 4),
        "p99_ms": round(outcome.p99_ms, 2),
        "late_ms": round(outcome.late_ms, 2),
        "load_share": round(outcome.load_share, 3),
    }


def _draw(bench: Bench, turns: cost.Turns, outcomes: cost.Outcomes, many: crowd.Crowd) -> None:
    drawing = Drawing(figsize=(11, 4), layout="constrained")
    costs, latencies = drawing.subplots(1, 2)
    _draw_costs(costs, turns, outcomes)
    _draw_crowd(latencies, many.steps)
    drawing.savefig(bench.picture("density"), dpi=120)


def _draw_costs(axes: Axes, turns: cost.Turns, outcomes: cost.Outcomes) -> None:
    names = list(dict.fromkeys(name for name, _ in outcomes))
    height = 0.8 / len(turns.message_ms)
    for place, ms in enumerate(turns.message_ms):
        costs = {at: cost.median_ms(outcomes[name, ms]) for at, name in enumerate(names) if (name, ms) in outcomes}
        axes.barh([at + place * height for at in costs], list(costs.values()), height, label=f"{ms} ms a message")
    axes.set_yticks([at + height * (len(turns.message_ms) - 1) / 2 for at in range(len(names))], names)
    axes.invert_yaxis()
    axes.set(xlabel="processor time a stream-second, ms", title=f"{turns.streams} streams of silence")
    axes.legend()


def _draw_crowd(axes: Axes, steps: Mapping[int, Outcome]) -> None:
    counts = list(steps)
    axes.plot(counts, [outcome.p99_ms for outcome in steps.values()], "o-", label="reply p99")
    axes.plot(counts, [outcome.late_ms for outcome in steps.values()], ".:", label="the load's own lateness, p99")
    axes.axhline(bars.CROWD_P99_MS.limit, color="tab:red", linestyle="--", label="bar for p99")
    axes.set(xlabel="real-time streams", ylabel="ms", title="one process on one core, null models")
    axes.legend()
