"""`python -m tests.bench.density [PART ...]`: parts of the member `density`, as short as one likes; judges no bar.

`cost --protocols endpoint --message-ms 100 --no-frameworks --turns 3 --seconds 8` gives one ratio in about a minute.
"""

import argparse
import sys

from tests.bench import stage
from tests.bench.density import cost, crowd, filled, machine, workers
from tests.bench.result import Figure, Result


def main() -> int:
    parsed = _parser().parse_args()
    turns = cost.Turns(
        tuple(parsed.protocols),
        tuple(parsed.message_ms),
        parsed.streams,
        parsed.seconds,
        parsed.turns,
        parsed.frameworks,
        parsed.within,
    )
    figures = list[Figure]()
    if "crowd" in parsed.parts:
        figures += crowd.measure(parsed.seconds)[0]
    if "workers" in parsed.parts:
        figures += workers.measure(parsed.seconds)
    if "filled" in parsed.parts:
        figures += filled.measure(parsed.seconds)
    if {"cost", "machine"} & set(parsed.parts):
        with stage.raised(stage.Options()) as bench:
            figures += cost.measure(bench, turns)[0] if "cost" in parsed.parts else []
            figures += machine.measure(bench)[0] if "machine" in parsed.parts else []
    print(Result("density", figures).table())
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = cost.Turns()
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.density",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "parts",
        nargs="*",
        choices=["cost", "crowd", "filled", "machine", "workers"],
        default=["cost"],
        help="what to measure",
    )
    parser.add_argument("--protocols", nargs="+", choices=defaults.protocols, default=defaults.protocols, help="whose")
    parser.add_argument("--message-ms", nargs="+", type=int, default=defaults.message_ms, help="audio in a message")
    parser.add_argument("--streams", type=int, default=defaults.streams, help="at once")
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="of a turn")
    parser.add_argument("--turns", type=int, default=defaults.turns, help="of each side")
    parser.add_argument("--within", type=float, default=defaults.within_seconds, help="seconds for all turns of cost")
    parser.add_argument(
        "--frameworks",
        action=argparse.BooleanOptionalAction,
        default=defaults.frameworks,
        help="also FastAPI's servers",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
