"""So many inputs to everything that reads: nothing unexpected happens, and nothing of them stays."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy

from tests.bench.bars import NONE
from tests.bench.result import Figure, Result
from tests.soak.fuzz.house import House, opened
from tests.soak.fuzz.parsers import PARSERS
from tests.soak.fuzz.visits import FIRST, VISITS, attempt
from tests.soak.stage import Options, tell, told

# Hypothesis remembers what it has tried: in parts, so that it stays quick.
_PART = 500
_SHOWN_CHARACTERS = 2000


@dataclass(frozen=True)
class Target:
    """Something that reads; `attempt` raises what should not have happened."""

    name: str
    inputs: SearchStrategy[Any]
    attempt: Callable[[Any], None]


@dataclass
class Tried:
    inputs: int = 0
    faults: list[str] = field(default_factory=list)


def targets(house: House) -> list[Target]:
    talks = [Target(name, inputs, lambda visit: house.run(attempt(house, visit))) for name, inputs in VISITS.items()]
    return [*(Target(each.name, each.inputs, each.attempt) for each in PARSERS), *talks]


def fuzz(target: Target, count: int, seed: int) -> Tried:
    """So many inputs, or until the first fault, of which the smallest example is told."""
    tried = Tried()

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @hypothesis.given(target.inputs)
    def once(value: Any) -> None:
        tried.inputs += 1
        target.attempt(value)

    try:
        once()
    except Exception as e:
        notes = " ".join(getattr(e, "__notes__", ()))
        tried.faults.append(f"{target.name}: {e!r}"[:_SHOWN_CHARACTERS] + notes[:_SHOWN_CHARACTERS])
    return tried


def measure(options: Options) -> Result:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as state, opened(Path(state)) as house:
        all_targets = targets(house)
        house.run(attempt(house, FIRST))
        for target in all_targets:  # what is built once is built now
            fuzz(target, 1, options.seed)
        before = house.left()
        tried = {target.name: Tried() for target in all_targets}
        each = -(-options.inputs // len(all_targets))
        rounds = [(target, min(_PART, each - at)) for at in range(0, each, _PART) for target in all_targets]
        for number, (target, count) in enumerate(told(rounds, "fuzz: rounds")):
            more = fuzz(target, count, options.seed + number)
            tried[target.name].inputs += more.inputs
            tried[target.name].faults += more.faults
            for fault in more.faults:
                tell(f"fault: {fault}")
        grown = house.left().beyond(before)
    return Result("fuzz", _figures(tried, grown, time.monotonic() - began), {"inputs": _counts(tried)})


def _figures(tried: dict[str, Tried], grown: dict[str, float], seconds: float) -> list[Figure]:
    faults = [fault for each in tried.values() for fault in each.faults]
    note = f"{len(PARSERS)} parsers, {len(VISITS)} ways into the gateway, {seconds:.0f} s"
    kinds = ("tasks", "descriptors", "held_bytes", "spooled_bytes", "connections")
    return [
        Figure("inputs", sum(each.inputs for each in tried.values()), note=note),
        Figure("unhandled exceptions", len(faults), bar=NONE, note="; ".join(faults)[:_SHOWN_CHARACTERS]),
        *(Figure(f"left behind: {kind.replace('_', ' ')}", grown.get(kind, 0.0), bar=NONE) for kind in kinds),
    ]


def _counts(tried: dict[str, Tried]) -> dict[str, int]:
    return {name: each.inputs for name, each in tried.items()}
