"""`make matrix`: every graph in the oldest supported ONNX Runtime and in the newest of the registry, or in those named.

Each release has an environment of its own in .venv-matrix, which stays. Red where a graph fails in one of them, or
answers a row in a batch otherwise than alone, or than the pinned release does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from docker.triton import releases
from tests.matrix import material
from tests.triton_server import ROOT

ENVIRONMENTS = ROOT / ".venv-matrix"
NEWEST = "newest"
OLDEST = ".".join(map(str, releases.OLDEST_RUNTIME))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("versions", nargs="*", default=[OLDEST, NEWEST], help="default: %(default)s")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        material.write(ROOT / "model_repository", Path(folder))
        found = {version: judge(environment(version), Path(folder)) for version in options.versions}
    for version, passed in found.items():
        advice = releases.refusal(version) if version != NEWEST else None
        print(f"{version}: {'right' if passed else 'WRONG'}{f', and refused: {advice}' if advice else ''}")
    return 0 if all(found.values()) else 1


def environment(version: str) -> Path:
    """The interpreter of the release's environment, made where there is none; the newest is looked for each time."""
    python = ENVIRONMENTS / version / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENTS / version, with_pip=True, clear=True)
    package = "onnxruntime" if version == NEWEST else f"onnxruntime=={version}"
    if version == NEWEST or not installed(python):
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--upgrade"]
        subprocess.run([*install, package, "numpy<2"], check=True)
    return python


def installed(python: Path) -> bool:
    return subprocess.run([str(python), "-c", "import onnxruntime"], capture_output=True, check=False).returncode == 0


def judge(python: Path, folder: Path) -> bool:
    program = Path(__file__).with_name("judge.py")
    ours = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([str(python), str(program), str(folder)], env=ours, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
