"""Where no recordings are kept, streams run as ever and nothing is found."""

import pytest

from frontend.caller import Caller
from frontend.dialogue.services import Exports
from frontend.errors import NotFoundError
from frontend.recordings.disabled import NoExports
from frontend.recordings.record import Access, Record
from tests.frontend.fakes import budget

ID = "0" * 32


async def test_no_recording_begins() -> None:
    exports: Exports = NoExports()
    assert await exports.begin(ID, Caller("cafe0123", "127.0.0.1"), 16_000, budget().lease()) is None
    assert await NoExports().records(Access(everybodys=True)) == []


async def test_nothing_is_found() -> None:
    exports, record = NoExports(), Record(ID, None, 1.0)
    with pytest.raises(NotFoundError, match="not kept"):
        await exports.find(ID, Access(everybodys=True))
    with pytest.raises(NotFoundError, match="not kept"):
        await exports.transcript(record)
    with pytest.raises(NotFoundError, match="not kept"):
        await exports.audio(record)
    await exports.delete(record)
    await exports.close()
