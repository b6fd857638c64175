"""`python -m tests.soak [PART ...]`: rough treatment, told in figures; fails when a bar is missed."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.bench.result import Result
from tests.soak import abuse, broken, mixed
from tests.soak.fuzz import member as fuzz
from tests.soak.stage import Options, tell

PARTS: Mapping[str, Callable[[Options], Result]] = {
    "fuzz": fuzz.measure,
    "chaos": broken.measure,
    "abuse": abuse.measure,
    "mixed": mixed.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = _parser().parse_args(arguments)
    unknown = [name for name in parsed.parts if name not in PARTS]
    if unknown:
        sys.stderr.write(f"soak: no part {unknown[0]!r}; there are: {', '.join(PARTS)}\n")
        return 2
    options = Options(parsed.inputs, parsed.minutes, parsed.share, parsed.seed, parsed.out)
    options.folder.mkdir(parents=True, exist_ok=True)
    missed = []
    for part in parsed.parts or PARTS:
        tell(f"{part} begins; load average {os.getloadavg()[0]:.1f}")
        began = time.monotonic()
        result = PARTS[part](options)
        print(result.table())
        print(f"  {result.save(options.folder)}, {time.monotonic() - began:.0f} s\n", flush=True)
        missed += [f"{part}: {figure.name}" for figure in result.missed]
    if missed:
        print(f"{len(missed)} bars missed:", *missed, sep="\n  ")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--inputs", type=int, default=usual.inputs, help="of fuzz, default: %(default)s")
    parser.add_argument("--minutes", type=float, default=usual.minutes, help="of mixed, default: %(default)s")
    parser.add_argument("--share", type=float, default=usual.share, help="of the processors, for mixed: %(default)s")
    parser.add_argument("--seed", type=int, default=usual.seed, help="of fuzz's choices, default: %(default)s")
    parser.add_argument("--out", type=Path, default=usual.folder, help="where results go, default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
