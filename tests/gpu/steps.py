"""`python -m tests.gpu.steps [NAME …]`: what a token costs when it is written by a step of its own, beside the Loop.

Names are those of tests/gpu/shapes.py ("bundled", "moonshine tiny", "whisper-base", …). Each is measured with its steps
captured as CUDA graphs and not; `--device cpu` runs the same here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from docker.triton.backends.asr.decoding.device import Device
from docker.triton.backends.asr.decoding.steps import Steps
from export.graphs import model_files
from export.graphs.sequence.options import Precision
from tests.gpu import shapes
from tests.gpu.engine import Arrays
from tests.gpu.shapes import Recogniser
from tests.gpu.tokens import BATCHES, TIMES, TOKENS, asked

OUTPUTS = ("TOKEN", "LOG_PROBABILITY", "PROMPT_LOG_PROBABILITY", "LANGUAGE", "NO_SPEECH", "ALIGNMENT")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.steps", description=__doc__)
    parser.add_argument("names", nargs="*", help="default: the bundled ones and whisper-base")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda", help="default: %(default)s")
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp16", help="default: %(default)s")
    parser.add_argument("--rows", type=int, nargs="+", default=BATCHES, help="default: %(default)s")
    options = parser.parse_args(arguments)
    for subject in chosen(options.names):
        with tempfile.TemporaryDirectory() as folder:
            for found in measure(
                subject, write(subject, options.precision, Path(folder)), options.device, options.rows
            ):
                print(json.dumps(found), flush=True)
    return 0


def chosen(names: Sequence[str]) -> Iterator[Recogniser]:
    every = [*shapes.bundled(), *shapes.published()]
    for name in names or ("bundled", "moonshine tiny", "whisper-base"):
        yield next(each for each in every if each.name == name)


def write(subject: Recogniser, precision: Precision, folder: Path) -> Path:
    """The three graphs of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, graph in subject.apart(precision).files.items():
        model_files.write(graph, folder, name=name)
    return folder


def measure(
    subject: Recogniser, folder: Path, device: str, batches: Sequence[int] = BATCHES
) -> Iterator[dict[str, Any]]:
    for captured in (True, False) if device == "cuda" else (False,):
        steps = Steps(folder, Device(device, captured, sized=device == "cuda"))
        for batch in batches:
            yield {"subject": subject.name, "batch": batch, "captured": captured, **_cost(subject, steps, batch)}


def _cost(subject: Recogniser, steps: Steps, batch: int) -> dict[str, Any]:
    few, many = asked(subject, batch, 1), asked(subject, batch, TOKENS)
    long, short = (steps.answer(each, OUTPUTS)["TOKEN"].shape[1] for each in (many, few))
    first, whole = _seconds(steps, few), _seconds(steps, many)
    return {
        "tokens": long,
        "encode_ms": 1e3 * first,
        "call_ms": 1e3 * whole,
        "token_ms": 1e3 * (whole - first) / max(1, long - short),
        "times_real_time": batch * subject.seconds / whole,
    }


def _seconds(steps: Steps, rows: Arrays) -> float:
    """The median of so many runs, behind one that is not counted."""
    steps.answer(rows, OUTPUTS)
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        steps.answer(rows, OUTPUTS)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


if __name__ == "__main__":
    sys.exit(main())
