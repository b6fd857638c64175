"""The report of the card that there was: it must still be read, told and drawn."""

import json
from pathlib import Path

from tests.gpu import report
from tests.triton_server import ROOT

FOUND = json.loads((ROOT / "docs" / "gpu" / "report.json").read_text(encoding="utf-8"))


def test_the_published_report_is_told_and_drawn(tmp_path: Path) -> None:
    told = report.text(FOUND).splitlines()
    assert told[0] == f"# {FOUND['machine']['card']}"
    assert len(told) == 3 + sum(len(FOUND[name]) for name in ("agreement", "tokens", "live")) + sum(
        len(FOUND["served"][name]) for name in ("offline", "calls")
    )
    report.draw(FOUND, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"tokens.png", "live.png"}


def test_what_failed_is_told_last() -> None:
    assert report.text({"machine": FOUND["machine"], "faults": ["served: no"]}).endswith("\nFAULT served: no")
