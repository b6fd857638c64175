"""`python -m tests.bench [MEMBER ...]`: measure, print, write JSON and pictures, fail when a bar is missed."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from export.failure import ExportError
from tests.bench import (
    admission,
    asr,
    dialects,
    endpoint,
    frames,
    live,
    live_overload,
    live_people,
    protocols,
    pushed,
    recogniser,
    rolling,
    stage,
    streams,
    tritons,
    unread,
    vad,
    verification,
)
from tests.bench.density import member as density
from tests.bench.result import Result
from tests.triton_server import model_names

MEMBERS: Mapping[str, Callable[[stage.Bench], Result]] = {
    "streams": streams.measure,
    "unread": unread.measure,
    "frames": frames.measure,
    "verification": verification.measure,
    "endpoint": endpoint.measure,
    "recogniser": recogniser.measure,
    "asr": asr.measure,
    "protocols": protocols.measure,
    "dialects": dialects.measure,
    "live": live.measure,
    "live_overload": live_overload.measure,
    "live_people": live_people.measure,
    "pushed": pushed.measure,
    "vad": vad.measure,
    "density": density.measure,
    "admission": admission.measure,
    "tritons": tritons.measure,
    "rolling": rolling.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = _parser().parse_args(arguments)
    unknown = [name for name in parsed.members if name not in MEMBERS]
    if unknown:
        print(f"bench: no member {unknown[0]!r}; there are: {', '.join(MEMBERS)}", file=sys.stderr)
        return 2
    if not {"vad", "speaker_embedding"} <= set(model_names(stage.REPOSITORY)):
        print("bench: the model repository is empty, fill it with `python -m export`", file=sys.stderr)
        return 2
    options = stage.Options(parsed.streams, parsed.seconds, parsed.out)
    try:
        results = _measure(parsed.members or list(MEMBERS), options)
    except ExportError as error:  # a synthesizer is missing
        print(f"bench: {error}", file=sys.stderr)
        return 2
    missed = [f"{result.member}: {figure.name}" for result in results for figure in result.missed]
    if missed:
        print(f"{len(missed)} bars missed:", *missed, sep="\n  ")
    return 1 if missed and not parsed.no_bars else 0


def _measure(members: Sequence[str], options: stage.Options) -> list[Result]:
    results = []
    with stage.raised(options) as bench:
        for member in members:
            result = MEMBERS[member](bench)
            results.append(result)
            print(result.table())
            print(f"  {result.save(options.folder)}, {bench.picture(member)}\n", flush=True)
    return results


def _parser() -> argparse.ArgumentParser:
    defaults = stage.Options()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("members", nargs="*", metavar="MEMBER", help=f"of {', '.join(MEMBERS)}; default: all")
    parser.add_argument("--streams", type=int, default=defaults.streams, help="at once, default: %(default)s")
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="of load, default: %(default)s")
    parser.add_argument("--out", type=Path, default=defaults.folder, help="where results go, default: %(default)s")
    parser.add_argument("--no-bars", action="store_true", help="only measure: a missed bar is no error")
    return parser


if __name__ == "__main__":
    sys.exit(main())
