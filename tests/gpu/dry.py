"""`make gpu DRY=1`: packs what would travel, unpacks it elsewhere and runs all but the card there, on this CPU."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.gpu import package

MOST_BYTES = 128 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory() as place:
        travels, there = Path(place) / "travels", Path(place) / "there"
        package.main([str(travels), "--python", python])
        parts = sorted(travels.iterdir())
        size = sum(part.stat().st_size for part in parts)
        if size >= MOST_BYTES:
            print(f"gpu: {size} bytes are more than may travel, {MOST_BYTES}", file=sys.stderr)
            return 1
        there.mkdir()
        tar = subprocess.Popen(["tar", "xJ", "-C", str(there)], stdin=subprocess.PIPE)
        assert tar.stdin is not None
        with tar.stdin:
            for part in parts:
                tar.stdin.write(part.read_bytes())
        if tar.wait():
            return 1
        # What the other machine would have of its own, this one has in its environment.
        environment = {**os.environ, "PYTHON": sys.executable}
        return subprocess.run(
            ["sh", there / "gpu" / "start.sh", "--dry", *given], env=environment, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
