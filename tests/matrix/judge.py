"""Runs the matrix's graphs in the ONNX Runtime of this environment: `python judge.py FOLDER`, with it and numpy alone.

Each row alone against what the pinned release answers to it, and all of them in one batch against each alone.

An int8 graph rounds: what a processor adds up in another order falls on the other side of an edge now and then, and of
two words that are as likely the other one is chosen. So a row of such a graph counts up to where it chose otherwise, if
what both chose was as likely, and in a batch the median row does; no row may be farther off than releases are.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from docker.triton.backends.asr.decoding.device import Device
from docker.triton.backends.asr.decoding.steps import Steps

ERRORS_ONLY = 4
# Of a graph that rounds, the part of its rows that may choose otherwise.
MOST_CHOICES = 0.25
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Found:
    """Of each row the largest difference: alone from the pinned release, in a batch from itself alone."""

    alone: list[float]
    together: list[float]
    chose_otherwise: int = 0

    def right(self, tolerance: float, in_a_batch: float, rounds: bool) -> bool:
        if not rounds:
            return max(self.alone) <= tolerance and max(self.together) <= in_a_batch
        near = max(*self.alone, *self.together) <= tolerance and statistics.median(self.together) <= in_a_batch
        return near and self.chose_otherwise <= MOST_CHOICES * len(self.alone)

    def __str__(self) -> str:
        otherwise = f", {self.chose_otherwise} rows chose otherwise" if self.chose_otherwise else ""
        return f"differs by {max(self.alone):.1e}, in a batch by {max(self.together):.1e}{otherwise}"


def main() -> int:
    onnxruntime.set_default_logger_severity(ERRORS_ONLY)
    faults = 0
    for place in sorted(path.parent for path in Path(sys.argv[1]).glob("*/subject.json")):
        subject = json.loads((place / "subject.json").read_text())
        try:
            rounds, steps = subject["rounds"], place if subject["steps"] else None
            differ = differences(subject["model"], place / "rows.npz", steps, rounds)
        except Exception as error:  # a release that cannot load or run a graph is what is looked for
            found = f"FAILS: {str(error).splitlines()[0][:200]}"
            right = False
        else:
            tolerance, in_a_batch = subject["tolerances"]
            right = differ.right(tolerance, in_a_batch, rounds)
            found = f"{differ}{'' if right else '  WRONG'}"
        faults += not right
        print(f"{onnxruntime.__version__}  {subject['name']:<28} {found}")
    return 1 if faults else 0


class Driven:
    """A recogniser that is driven token by token, asked as its graph is."""

    def __init__(self, folder: Path) -> None:
        self._steps = Steps(folder, Device())

    def run(self, names: list[str], feeds: Arrays) -> list[npt.NDArray[Any]]:
        answer = self._steps.answer(feeds, names)
        return [answer[name] for name in names]


def loaded(model: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def differences(model: str, rows: Path, steps: Path | None = None, rounds: bool = False) -> Found:
    session = loaded(model) if steps is None else Driven(steps)
    with np.load(rows) as archive:
        numbers = sorted({int(name.partition("|")[0]) for name in archive.files})
        inputs = [_part(archive, number, "in") for number in numbers]
        expected = [_part(archive, number, "out") for number in numbers]
    names = list(expected[0])
    alone = [dict(zip(names, session.run(names, dict(each)), strict=True)) for each in inputs]
    together = dict(zip(names, session.run(names, joined(inputs)), strict=True))
    pairs = list(zip(expected, alone, strict=True))
    common = [(up_to_another_choice(golden, found) if rounds else golden, found) for golden, found in pairs]
    return Found(
        [apart(golden, found, 0) for golden, found in common],
        [apart(trimmed(each, golden), together, row) for row, (golden, each) in enumerate(pairs)],
        sum(golden is not whole for (golden, _), (whole, _) in zip(common, pairs, strict=True)),
    )


def _part(archive: Any, number: int, side: str) -> Arrays:
    start = f"{number}|{side}|"
    return {name.removeprefix(start): archive[name] for name in archive.files if name.startswith(start)}


def joined(inputs: list[Arrays]) -> dict[str, npt.NDArray[Any]]:
    """Rows filled up to the longest with what is not to be looked at."""
    batch = {}
    for name in inputs[0]:
        size = max(each[name].shape[1] for each in inputs)
        rows = [np.pad(each[name], [(0, 0), (0, size - each[name].shape[1]), *[(0, 0)] * (each[name].ndim - 2)])
                for each in inputs]  # fmt: skip
        batch[name] = np.concatenate(rows)
    return batch


def up_to_another_choice(golden: Arrays, found: Arrays) -> Arrays:
    """What is expected, as far as the same was chosen, and how likely what was chosen then is."""
    if "TOKEN" not in golden:
        return golden
    mine, theirs = golden["TOKEN"][0], found["TOKEN"][0]
    size = min(len(mine), len(theirs))
    others = np.flatnonzero(mine[:size] != theirs[:size])
    if not len(others):
        return golden
    end = int(others[0])
    lengths = {"TOKEN": end, "LOG_PROBABILITY": end + 1, "ALIGNMENT": end}
    return {name: array[..., : lengths.get(name, array.shape[-1])] for name, array in golden.items()}


def trimmed(found: Arrays, golden: Arrays) -> Arrays:
    return {name: array[tuple(slice(size) for size in golden[name].shape)] for name, array in found.items()}


def apart(golden: Arrays, found: Arrays, row: int) -> float:
    """In a batch a row may have more places than alone; those that it has alone are compared."""
    worst = 0.0
    for name, array in golden.items():
        expected = array[0]
        given = found[name][row][tuple(slice(size) for size in expected.shape)]
        if given.shape != expected.shape:
            return float("inf")
        if expected.dtype.kind == "i":
            worst = worst if np.array_equal(given, expected) else float("inf")
        elif expected.size:
            difference = float(np.abs(given.astype(np.float64) - expected).max())
            worst = max(worst, difference if np.isfinite(difference) else float("inf"))
    return worst


if __name__ == "__main__":
    sys.exit(main())
