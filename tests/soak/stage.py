"""Where the suites play, and what they are told."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.triton_server import ROOT

REPOSITORY = ROOT / "model_repository"
_TOLD_SECONDS = 10.0
Item = TypeVar("Item")


@dataclass(frozen=True)
class Options:
    """What can be asked for on the command line."""

    inputs: int = 100_000
    minutes: float = 60.0
    share: float = 0.7
    seed: int = 0
    folder: Path = ROOT / "var" / "soak"


def told(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items, with a line now and then on how far it is."""
    last = time.monotonic()
    for number, item in enumerate(items):
        if time.monotonic() - last >= _TOLD_SECONDS:
            last = time.monotonic()
            tell(f"{what}: {number} of {len(items)}")
        yield item


def tell(line: str) -> None:
    sys.stdout.write(f"  {time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()
