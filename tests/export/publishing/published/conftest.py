"""Checkpoints and what the command makes of them; both in .venv-export, which has PyTorch and transformers."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.triton_server import ROOT

PYTHON = ROOT / ".venv-export/bin/python"
KINDS = ("multilingual", "english", "mels128", "pickled", "ctc-group", "ctc-layer", "ctc-adapters", "moonshine")


@dataclass(frozen=True)
class Outcome:
    status: int
    errors: str


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    assert PYTHON.exists(), f"{PYTHON} is missing: sh docker/install.sh export"
    variables = {**os.environ, **(environment or {})}
    command = [str(PYTHON), "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=variables)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder a kind. Read-only by agreement."""
    folder = tmp_path_factory.mktemp("checkpoints")
    outcome = run("tests.export.publishing.published.checkpoints", str(folder), *KINDS)
    assert outcome.returncode == 0, outcome.stderr
    return folder


def order(source: Path | str, repository: Path, *options: str) -> list[str]:
    return ["asr", "--from", str(source), "--repository", str(repository), *options]


def export_all(orders: Sequence[list[str]], environment: Mapping[str, str] | None = None) -> list[Outcome]:
    """One process for all of them: importing PyTorch takes longer than a small export."""
    outcome = run("tests.export.publishing.published.orders", json.dumps(orders), environment=environment)
    assert outcome.returncode == 0, outcome.stderr
    return [Outcome(*each) for each in json.loads(outcome.stdout.splitlines()[-1])]
