"""The suite of chaos: everything that breaks around the gateway, then what breaks inside it."""

import asyncio
from collections.abc import Callable, Mapping

from tests.bench.bars import NONE
from tests.bench.result import Figure, Result
from tests.gateway_server import running_gateway
from tests.soak.chaos import MISHAPS, SETTINGS, S, Stage, figures_of, stages, suffer
from tests.soak.chaos_inside import INSIDE, opened
from tests.soak.stage import Options


def measure(options: Options) -> Result:
    with stages() as (triton, link, state):
        with running_gateway(triton, state, SETTINGS) as gateway:
            figures = _suffered(Stage(gateway, triton, link), MISHAPS)
        with opened(triton, link) as inside:
            figures += _suffered(inside, INSIDE)
    return Result("chaos", figures)


def _suffered(stage: S, mishaps: Mapping[str, Callable[[S], int]]) -> list[Figure]:
    figures = [
        figure for name, each in mishaps.items() for figure in figures_of(name, asyncio.run(suffer(stage, each)))
    ]
    errors = stage.gateway.log_file.read_text().count(" ERROR ")
    where = "around the gateway" if mishaps is MISHAPS else "inside it"
    return [*figures, Figure(f"errors in the log, of what broke {where}", errors, bar=NONE)]
