"""Records: what is none is said to be none, whatever somebody or a broken disk wrote there."""

import json
from typing import Any

import pytest

from frontend.recordings.record import Record
from tests.frontend.exporting import ID, OTHER_ID

WHOLE = Record(ID, "alice", 1.5, 2.5, 8000, "complete", 100)


@pytest.mark.parametrize("record", [WHOLE, Record(ID, None, 1), Record(ID, None, 1.5, 2, state="incomplete")])
def test_a_record_is_read_as_it_was_saved(record: Record) -> None:
    assert Record.load(record.save(), ID) == record


@pytest.mark.parametrize(
    "wrong",
    [
        {"export_id": 7},
        {"export_id": OTHER_ID},
        {"owner": ["alice"]},
        {"started": "yesterday"},
        {"started": None},
        {"started": True},
        {"started": float("nan")},
        {"started": -1.0},
        {"started": 1e300},
        {"ended": "later"},
        {"ended": None},
        {"ended": float("inf")},
        {"state": "running"},
        {"state": "done"},
        {"state": None},
        {"rate": 0},
        {"rate": "8000"},
        {"rate": 10**400},
        {"audio_bytes": 10**400},
        {"audio_bytes": -2},
        {"audio_bytes": 1.5},
        {"audio_bytes": None},
        {"another": 1},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_a_record_with_a_field_of_a_wrong_kind_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not an export's record"):
        Record.load(json.dumps({**json.loads(WHOLE.save()), **wrong}).encode(), ID)


@pytest.mark.parametrize("data", [b"null", b"7", b'"text"', b"[]", b"{}", b"[" * 100_000, b"\xff", b"", b"\0" * 512])
def test_what_is_no_record_at_all_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an export's record"):
        Record.load(data, ID)
