"""The recipe from beginning to end, in .venv-export, which has PyTorch."""

import json
import subprocess

import pytest

from tests.triton_server import ROOT

PYTHON = ROOT / ".venv-export/bin/python"


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    assert PYTHON.exists(), f"{PYTHON} is missing: sh docker/install.sh export"
    folder = tmp_path_factory.mktemp("tongues")
    command = [str(PYTHON), "-m", "tests.export.training.tongues.trial", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_network_hears_what_the_graph_that_serves_hears(trial: dict[str, float]) -> None:
    assert trial["graph"] < 1e-4


def test_a_row_is_in_a_batch_what_it_is_alone(trial: dict[str, float]) -> None:
    assert trial["itself"] < 1e-4


def test_a_batch_is_made_of_the_very_samples_that_were_spoken(trial: dict[str, float]) -> None:
    assert trial["spoken"] == 0


def test_what_is_learnt_again_and_again_is_known_better(trial: dict[str, float]) -> None:
    """A letter's loss was 38.9 and became 35.5."""
    assert trial["after"] < trial["before"] - 2


def test_what_was_learnt_is_kept(trial: dict[str, float]) -> None:
    assert trial["learnt"] > 0
