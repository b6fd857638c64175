"""CTranslate2 beside us: an environment of its own under var/, and a process that answers one question at a time."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.triton_server import ROOT

_ENVIRONMENT = ROOT / "var" / "bench" / "ctranslate2"
PACKAGES = ("ctranslate2==4.8.5", "numpy")
_PROGRAM = ROOT / "tests" / "bench" / "ctranslate2_peer.py"
MODEL_FILES = ("weights.npz", "filters.npy", "config.json")


@dataclass(frozen=True)
class Peer:
    """One model in one type of arithmetic, on one thread."""

    questions: IO[str]
    answers: IO[str]

    def ask(self, question: Mapping[str, Any]) -> tuple[float, list[list[int]]]:
        """Processor seconds, and the tokens of each clip."""
        self.questions.write(json.dumps(question) + "\n")
        self.questions.flush()
        answer = json.loads(self.answers.readline())
        return float(answer["seconds"]), answer["tokens"]


@contextlib.contextmanager
def running_peer(folder: Path, compute_type: str) -> Iterator[Peer]:
    """The folder holds the weights; what is converted from them goes beside them."""
    converted = folder / compute_type
    converted.mkdir(exist_ok=True)
    for name in MODEL_FILES:
        (converted / name).symlink_to(folder / name)
    command = [str(_python()), str(_PROGRAM), str(converted), compute_type]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline() or '"it ended"') == "ready"
        yield Peer(process.stdin, process.stdout)
        process.stdin.close()  # it ends with its questions


def _python() -> Path:
    python = _ENVIRONMENT / "bin" / "python"
    if not (_ENVIRONMENT / "complete").exists():
        print("installing CTranslate2 into", _ENVIRONMENT)
        _run([sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT)])
        _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES])
        (_ENVIRONMENT / "complete").touch()
    return python


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True)
