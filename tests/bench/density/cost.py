"""Processor time of the gateway's process a stream-second, silence through the real models, as ratios.

The sides take turns, so that what else the machine does meets all of them alike; each turn is a ratio of its own, and
the median turn counts.
"""

import contextlib
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from frontend.speech import RATE
from tests.bench import bars
from tests.bench.density import servers
from tests.bench.density.load import Outcome, Plan, speak
from tests.bench.density.stream import Door
from tests.bench.result import Figure
from tests.bench.stage import Bench, progress
from tests.bench.wire import Endpoint

BARE = "bare socket"
GRANIAN, UVICORN = "FastAPI, Granian", "FastAPI, uvicorn"
_FRAMEWORKS = {GRANIAN: servers.granian, UVICORN: servers.uvicorn}


@dataclass(frozen=True)
class Turns:
    """What is compared, and for how long."""

    protocols: Sequence[str] = ("endpoint", "summary", "live")
    message_ms: Sequence[int] = (100, 20)
    streams: int = 60
    seconds: float = 6.0
    turns: int = 5
    frameworks: bool = True
    # No turn is begun, after the first, that would not end by then.
    within_seconds: float = math.inf


@dataclass(frozen=True)
class Side:
    """One of those that take turns."""

    door: Door
    pids: Sequence[int]
    answered: bool
    message_ms: Sequence[int]


# The outcomes of a side by message length, one a turn.
Outcomes = Mapping[tuple[str, int], Sequence[Outcome]]


def doors(ports: Mapping[str, int]) -> dict[str, Door]:
    """Where each protocol's streams go in."""
    rate = str(RATE)
    return {
        "endpoint": Door(Endpoint(ports["voice"], "/speech_endpoint_detector", ("200", "500", rate))),
        "summary": Door(Endpoint(ports["voice"], "/speech_summary_stream", (rate,))),
        "live": Door(Endpoint(ports["live"], "/")),
    }


def measure(bench: Bench, turns: Turns) -> tuple[list[Figure], Outcomes]:
    with _sides(bench, turns) as sides:
        outcomes = _take_turns(sides, turns)
    figures = [figure for ms in turns.message_ms for figure in _bare_figures(outcomes, turns, ms)]
    figures += _framework_figures(outcomes, turns) if turns.frameworks else []
    return [*figures, *_faults(outcomes)], outcomes


@contextlib.contextmanager
def _sides(bench: Bench, turns: Turns) -> Iterator[dict[str, Side]]:
    with contextlib.ExitStack() as running:
        bare = running.enter_context(servers.bare_socket())
        sides = {BARE: Side(Door(Endpoint(bare.port, "/")), bare.pids, True, turns.message_ms)}
        for protocol in turns.protocols:
            door = doors(bench.gateway.ports)[protocol]
            sides[protocol] = Side(door, [bench.gateway.pid], protocol != "live", turns.message_ms)
        for name, start in _FRAMEWORKS.items() if turns.frameworks else ():
            server = running.enter_context(start())
            sides[name] = Side(Door(Endpoint(server.port, "/")), server.pids, False, [min(turns.message_ms)])
        yield sides


def _take_turns(sides: Mapping[str, Side], turns: Turns) -> Outcomes:
    outcomes = dict[tuple[str, int], list[Outcome]]()
    order = [(ms, name) for ms in turns.message_ms for name in sides if ms in sides[name].message_ms]
    began = time.monotonic()
    for turn in range(turns.turns):
        if turn and (time.monotonic() - began) * (turn + 1) / turn > turns.within_seconds:
            break
        for ms, name in progress(order, f"turn {turn + 1} of {turns.turns}"):
            side = sides[name]
            plan = Plan([side.door] * turns.streams, ms, turns.seconds, side.pids, side.answered)
            outcomes.setdefault((name, ms), []).append(speak(plan))
    return outcomes


def _bare_figures(outcomes: Outcomes, turns: Turns, ms: int) -> list[Figure]:
    bare, at = outcomes[BARE, ms], f"at {ms} ms"
    figures = [Figure(f"{BARE} {at}", median_ms(bare), "ms", note="processor time a stream-second, like all of these")]
    for protocol in turns.protocols:
        ours = outcomes[protocol, ms]
        bar = bars.TIMES_BARE_SOCKET[protocol]
        figures.append(
            Figure(f"{protocol} to the bare socket {at}", _ratio(ours, bare), "times", bar, _note(ours, bare))
        )
    return figures


def _framework_figures(outcomes: Outcomes, turns: Turns) -> list[Figure]:
    """The protocols that answer each message do so fifty times a second; FastAPI's sockets answer once."""
    ms = min(turns.message_ms)
    figures = [Figure(f"{name} at {ms} ms", median_ms(outcomes[name, ms]), "ms") for name in _FRAMEWORKS]
    for name in _FRAMEWORKS:
        bar = bars.TIMES_GRANIAN if name == GRANIAN else None
        for protocol in turns.protocols:
            ours, theirs = outcomes[protocol, ms], outcomes[name, ms]
            note = f"turns {_turns(ours, theirs)}"
            figures.append(Figure(f"{protocol} to {name} at {ms} ms", _ratio(ours, theirs), "times", bar, note))
    return figures


def _faults(outcomes: Outcomes) -> list[Figure]:
    """A figure stands only where nothing was lost and the load was in time."""
    every = [outcome for each in outcomes.values() for outcome in each]
    faults = {f"{name} at {ms} ms": sum(outcome.faults for outcome in each) for (name, ms), each in outcomes.items()}
    told = ", ".join(f"{name}: {count}" for name, count in faults.items() if count)
    late = max(outcome.late_ms for outcome in every)
    share = max(outcome.load_share for outcome in every)
    return [
        Figure("replies lost or too many, connections closed", sum(faults.values()), bar=bars.NONE, note=told),
        Figure("the load's own lateness, p99", late, "ms", note=f"of the worst turn; it took {share:.0%} of a core"),
    ]


def median_ms(outcomes: Sequence[Outcome]) -> float:
    return statistics.median(outcome.cost_ms for outcome in outcomes)


def _note(ours: Sequence[Outcome], bare: Sequence[Outcome]) -> str:
    """A side whose replies are late has put work off, and looks cheaper than it is."""
    latest = max(outcome.p99_ms for outcome in ours)
    late = "" if np.isnan(latest) else f", replies' p99 at most {latest:.0f} ms"
    return f"{median_ms(ours):.2f} ms{late}; turns {_turns(ours, bare)}"


def _ratios(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> list[float]:
    return [our.cost_ms / their.cost_ms for our, their in zip(ours, theirs, strict=True)]


def _ratio(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> float:
    return statistics.median(_ratios(ours, theirs))


def _turns(ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> str:
    return ", ".join(f"{ratio:.2f}" for ratio in _ratios(ours, theirs))
