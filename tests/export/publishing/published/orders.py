"""Runs several exports in one process and writes [status, stderr] of each.

python -m tests.export.publishing.published.orders '[["asr", "--from", …], …]'
"""

import contextlib
import io
import json
import sys

from export.__main__ import main


def outcome(order: list[str]) -> tuple[int, str]:
    with contextlib.redirect_stderr(io.StringIO()) as errors, contextlib.redirect_stdout(io.StringIO()):
        status = main(order)
    return status, errors.getvalue()


if __name__ == "__main__":
    results = [outcome(order) for order in json.loads(sys.argv[1])]
    json.dump(results, sys.stdout)
