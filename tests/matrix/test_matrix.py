"""The short form of `make matrix`: every graph in the oldest supported ONNX Runtime; and what is said of older ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from docker.triton import releases
from export.graphs.runtime import Runner
from tests.docker import tiny_models
from tests.matrix import __main__ as matrix
from tests.matrix import judge, material
from tests.triton_server import ROOT


@pytest.mark.timeout(600)  # the environment is made where there is none
def test_every_graph_is_right_in_the_oldest_supported_release(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    subjects = material.write(ROOT / "model_repository", tmp_path)
    passed = matrix.judge(matrix.environment(matrix.OLDEST), tmp_path)
    told = capfd.readouterr().out.splitlines()
    assert passed, "\n".join(told)
    assert len(told) == len(subjects)
    assert all(line.startswith(f"{matrix.OLDEST}  ") for line in told)


def test_every_published_graph_is_among_them() -> None:
    names = {subject.name for subject in material.published(ROOT / "model_repository")}
    assert {"published vad", "published speaker_embedding", "published whisper"} <= names


def test_a_row_that_is_wrong_beside_others_is_seen(tmp_path: Path) -> None:
    graph = tmp_path / "model.onnx"
    graph.write_bytes(tiny_models.adder(1.0))
    rows: dict[str, NDArray[np.float32]] = {}
    for row in range(3):
        value = np.full((1, 2), row, np.float32)
        rows |= {f"{row}|in|X": value, f"{row}|out|Y": value + 1}
    np.savez(tmp_path / "rows.npz", **rows)
    assert judge.differences(str(graph), tmp_path / "rows.npz") == judge.Found([0, 0, 0], [0, 0, 0])
    assert Runner(graph).run({"X": np.zeros((1, 1), np.float32)}, "Y")["Y"][0, 0] == 1
    found = {"Y": np.array([[1, 1], [1, 1], [3, 3]], np.float32)}
    assert judge.apart({"Y": np.full((1, 2), 2, np.float32)}, found, 1) == 1
    assert judge.apart({"Y": np.full((1, 2), 2, np.float32)}, {"Y": np.full((3, 2), np.nan)}, 1) == np.inf


def test_a_graph_that_rounds_may_fall_on_the_other_side_of_an_edge_and_no_other() -> None:
    once, throughout, far = [0.0, 0.0, 0.03], [0.03, 0.03, 0.03], [0.0, 0.0, 0.6]
    assert judge.Found([0.4] * 3, once).right(0.5, 1e-3, rounds=True)
    assert not judge.Found([0.4] * 3, once).right(0.5, 1e-3, rounds=False)
    assert not judge.Found([0.4] * 3, throughout).right(0.5, 1e-3, rounds=True)
    assert not judge.Found([0.4] * 3, far).right(0.5, 1e-3, rounds=True)
    assert not judge.Found(far, [0.0] * 3).right(0.5, 1e-3, rounds=True)
    assert judge.Found([0.4] * 4, [0.0] * 4, chose_otherwise=1).right(0.5, 1e-3, rounds=True)
    assert not judge.Found([0.4] * 4, [0.0] * 4, chose_otherwise=2).right(0.5, 1e-3, rounds=True)


def test_a_row_counts_up_to_where_it_chose_what_was_as_likely() -> None:
    golden = {"TOKEN": np.array([[5, 7, 2]]), "LOG_PROBABILITY": np.array([[-0.9, -2.08, -0.1]])}
    same = {"TOKEN": np.array([[5, 7, 2]]), "LOG_PROBABILITY": np.array([[-0.9, -2.0, -0.1]])}
    tied = {"TOKEN": np.array([[5, 2]]), "LOG_PROBABILITY": np.array([[-0.9, -2.05]])}
    wrong = {"TOKEN": np.array([[5, 9, 2]]), "LOG_PROBABILITY": np.array([[-0.9, -0.01, -0.1]])}
    assert judge.up_to_another_choice(golden, same) is golden
    assert judge.apart(judge.up_to_another_choice(golden, tied), tied, 0) == pytest.approx(0.03)
    assert judge.apart(judge.up_to_another_choice(golden, wrong), wrong, 0) == pytest.approx(2.07)


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ("1.19.2", "lacks kernels"),
        ("1.20.1", "answers batches wrongly"),
        ("1.21.0", "answers batches wrongly"),
        ("1.21.1", "lacks the kernels of int8 graphs"),
        ("nightly", "is of no known release"),
    ],
)
def test_a_release_that_is_known_to_be_wrong_is_refused_with_what_to_use(version: str, fault: str) -> None:
    said = releases.refusal(version)
    assert said is not None
    assert fault in said
    assert "use 1.22.0 or newer" in said


@pytest.mark.parametrize("version", ["1.22.0", "1.22.1", "1.31.1", "2.0.0"])
def test_a_release_from_the_oldest_supported_on_is_served_on(version: str) -> None:
    assert releases.refusal(version) is None


def test_the_pinned_releases_are_supported() -> None:
    for name in ("docker/requirements.txt", "tests/requirements.txt"):
        lines = (ROOT / name).read_text().splitlines()
        (pinned,) = [line.split("==")[1].split()[0] for line in lines if line.startswith("onnxruntime==")]
        assert releases.refusal(pinned) is None
