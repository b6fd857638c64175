"""`python -m tests.gpu`: all of it, on the GPU of this machine; `--dry`: the same on the CPU, smaller.

What was found so far is written after each part, so that a machine that is taken away has told what it knew.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import onnxruntime

from docker.triton.host import look
from export.graphs.sequence.options import Precision
from tests.gateway_server import running_gateway
from tests.gpu import agreement, live, report, serving, shapes, steps, tokens
from tests.gpu.agreement import Subject
from tests.triton_server import ROOT, TritonAddress, running_triton

PARTS = ("agreement", "tokens", "served", "live", "large")
START_SECONDS = 180.0
DRY_STREAMS, DRY_SECONDS, DRY_LOAD = (2,), 9.0, serving.Load((1, 2), 20.0, (1,))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    device = "cpu" if options.dry else "cuda"
    if not options.dry and look().card is None:
        print("gpu: there is no NVIDIA GPU here (`nvidia-smi` tells); everything but the card: make gpu DRY=1",
              file=sys.stderr)  # fmt: skip
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"machine": machine(options.dry), "faults": []}
    with tempfile.TemporaryDirectory() as folder:
        job = Job(device, options.dry, Path(folder), found)
        for name in options.parts:
            began = time.monotonic()
            print(f"gpu: {name} …", flush=True)
            attempt(getattr(job, name), name, found)
            found.setdefault("seconds", {})[name] = round(time.monotonic() - began, 1)
            (options.out / "report.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(f"gpu: {name} took {found['seconds'][name]} s", flush=True)
    print(report.text(found))
    report.draw(found, options.out)
    return 1 if found["faults"] else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--dry", action="store_true", help="everything but the card")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "gpu", help="default: %(default)s")
    return parser.parse_args(arguments)


def attempt(part: Callable[[], None], name: str, found: dict[str, Any]) -> None:
    """A part that fails does not take the others with it."""
    try:
        part()
    except Exception as error:
        traceback.print_exc()
        found["faults"].append(f"{name}: {str(error) or type(error).__name__}"[:400])


def machine(dry: bool) -> dict[str, Any]:
    card = look().card
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    asked = "" if dry else subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "card": card.name if card and not dry else None,
        "driver": asked,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "providers": onnxruntime.get_available_providers(),
    }


class Job:
    """The parts, in the order of what is wanted most."""

    def __init__(self, device: str, dry: bool, folder: Path, found: dict[str, Any]) -> None:
        self._device, self._dry, self._folder, self._found = device, dry, folder, found

    def agreement(self) -> None:
        """Every graph against the CPU."""
        for subject in agreement.subjects(self._folder):
            attempt(functools.partial(self._compare, subject), subject.name, self._found)

    def _compare(self, subject: Subject) -> None:
        found = agreement.compare(subject, self._device)
        for each in found:
            print(report.agreement_line(each), flush=True)
        self._found.setdefault("agreement", []).extend(found)

    def served(self) -> None:
        """The repository behind Triton, in half precision on a GPU."""
        with self._triton() as triton:
            self._found["served"] = serving.measure(triton, DRY_LOAD if self._dry else serving.Load())
        if not serving.all_right(self._found["served"]["understood"]):
            raise AssertionError(f"misheard: {self._found['served']['understood']}")

    def tokens(self) -> None:
        """The bundled recognisers, then published sizes of a small kind."""
        self._tokens([*shapes.bundled(), *shapes.published(() if self._dry else ("whisper-base", "whisper-small"))])

    def large(self) -> None:
        """Sizes whose graphs take minutes to write."""
        names = ("whisper-base",) if self._dry else ("whisper-large-v3-turbo", "whisper-large-v3")
        self._tokens(list(shapes.published(names)))

    def _tokens(self, subjects: Sequence[shapes.Recogniser]) -> None:
        for subject in subjects:
            attempt(functools.partial(self._written, subject), subject.name, self._found)

    def _written(self, subject: shapes.Recogniser) -> None:
        """By the Loop, then by steps of their own."""
        precision: Precision = "fp32" if self._dry else "fp16"
        place, batches = self._folder / subject.name.replace(" ", "-"), (1,) if self._dry else tokens.BATCHES
        loop = tokens.measure(subject, subject.write(precision, place), self._device, batches)
        self._tell(loop)
        apart = steps.write(subject, precision, place / "apart")
        self._tell([tokens.beside(each, loop) for each in steps.measure(subject, apart, self._device, batches)])

    def _tell(self, found: Sequence[dict[str, Any]]) -> None:
        for each in found:
            print(report.token_line(each), flush=True)
        self._found.setdefault("tokens", []).extend(found)

    def live(self) -> None:
        counts, seconds = (DRY_STREAMS, DRY_SECONDS) if self._dry else (live.STREAMS, live.SECONDS)
        with (
            self._triton() as triton,
            running_gateway(triton, self._folder / "gateway") as gateway,
        ):
            self._found["live"] = live.measure(gateway.ws("/", "live"), counts, seconds)

    def _triton(self) -> AbstractContextManager[TritonAddress]:
        """A GPU takes its time at the first graphs."""
        required = ["--require-provider", self._device]
        return running_triton(
            self._repository(), self._folder / "triton", launcher_arguments=required, start_seconds=START_SECONDS
        )

    def _repository(self) -> Path:
        """A copy of the configurations, with versions for this device."""
        repository = self._folder / "repository"
        if repository.exists():
            return repository
        for config in sorted((ROOT / "model_repository").glob("*/config.pbtxt")):
            (repository / config.parent.name).mkdir(parents=True)
            (repository / config.parent.name / config.name).write_bytes(config.read_bytes())
        precision = ["--precision", "fp32" if self._dry else "fp16"]
        command = [sys.executable, "-m", "export", "--repository", str(repository), *precision]
        subprocess.run(command, cwd=ROOT, check=True)
        return repository


if __name__ == "__main__":
    sys.exit(main())
