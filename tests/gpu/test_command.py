"""`python -m tests.gpu` where there is no card."""

import json
from pathlib import Path

import pytest

from docker.triton.host import Host
from tests.gpu import __main__ as gpu


def test_without_a_card_it_says_what_can_be_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "look", Host)
    assert gpu.main([]) == 2
    assert "make gpu DRY=1" in capsys.readouterr().err


def test_a_part_that_fails_is_told_and_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("the card fell off")

    monkeypatch.setattr(gpu.Job, "agreement", fail)
    monkeypatch.setattr(gpu.Job, "tokens", lambda job: job._tell([]))
    assert gpu.main(["agreement", "tokens", "--dry", "--out", str(tmp_path)]) == 1
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["faults"] == ["agreement: the card fell off"]
    assert found["tokens"] == []
