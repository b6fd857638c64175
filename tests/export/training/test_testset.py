"""The test set that `make evaluate` has spoken on a fresh machine."""

import json
from pathlib import Path

import pytest

from export.training import testset
from export.training.testset import Split


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and a test set of two short shards by the same synthesizer, one after the other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(testset, "SPLITS", {name: Split(name, 12) for name in ("texts", "voices")})
    monkeypatch.setattr("sys.argv", ["testset"])
    return tmp_path / testset.FOLDER


def test_nothing_that_was_spoken_before_is_in_a_shard_so_its_words_are_found_when_it_is_spoken_again(
    fresh: Path,
) -> None:
    testset.main()
    lines = [json.loads(line) for line in (fresh / "manifest.jsonl").read_text("utf-8").splitlines()]
    assert {line["split"] for line in lines} == {"texts", "voices"}
    assert all((fresh / line["audio"]).is_file() for line in lines)
    timed = [line for line in lines if "words" in line]
    assert {line["split"] for line in timed} == {"texts", "voices"}
    assert all([word for word, _, _ in line["words"]] == line["text"].split() for line in timed)
