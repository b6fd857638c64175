"""Where the benchmarks play: the real Triton with the project's models, a gateway before it, a place for results."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from tqdm import tqdm

from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, TritonAddress, running_triton

# Between two lines of a log.
_LOGGED_SECONDS = 20.0
REPOSITORY = ROOT / "model_repository"
Item = TypeVar("Item")


@dataclass(frozen=True)
class Options:
    """What can be asked for on the command line."""

    streams: int = 100
    seconds: float = 60.0
    folder: Path = ROOT / "var" / "bench"


@dataclass(frozen=True)
class Bench:
    """What a benchmark is given."""

    triton: TritonAddress
    gateway: GatewayAddress
    options: Options

    def picture(self, member: str) -> Path:
        return self.options.folder / f"{member}.png"


@contextlib.contextmanager
def raised(options: Options) -> Iterator[Bench]:
    """Triton and gateway on free ports with their default settings, gone when the block ends."""
    options.folder.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as state,
        running_triton(REPOSITORY, Path(state) / "triton") as triton,
        running_gateway(triton, Path(state) / "gateway") as gateway,
    ):
        yield Bench(triton, gateway, options)


def progress(items: Iterable[Item], what: str, total: float | None = None) -> Iterable[Item]:
    """The items, with a progress bar where a person looks on, and a line now and then where a log is written."""
    seconds = 0.1 if sys.stderr.isatty() else _LOGGED_SECONDS
    return tqdm(items, desc=what, total=total, leave=False, mininterval=seconds, maxinterval=seconds)
