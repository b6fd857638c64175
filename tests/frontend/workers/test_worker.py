"""What a worker is given at its start, and what it does not take."""

from collections.abc import Iterator

import pytest

from frontend.errors import SettingsError
from frontend.memory.ledger import LAYOUT, Ledger
from frontend.workers.line import Line, Said, Word
from frontend.workers.worker import Worker


@pytest.fixture
def ends() -> Iterator[tuple[Line, Worker]]:
    """The parent's, and a worker at the other that is no standard input."""
    line, its = Line.pair()
    me = object.__new__(Worker)
    me._line = Line(its)
    with its:
        yield line, me
    line.close()


async def test_a_worker_of_another_version_does_not_touch_the_numbers(ends: tuple[Line, Worker]) -> None:
    line, me = ends
    line.say(Said(Word.BEGIN, {"seat": 0}))
    with pytest.raises(SettingsError, match="of another version"):
        await me.begin()


async def test_a_worker_has_its_row_its_seat_and_what_lasts(ends: tuple[Line, Worker]) -> None:
    line, me = ends
    ledger = Ledger(3, 2)
    facts = {"layout": LAYOUT, "seat": 1, "rows": 3, "row": 1, "first": False, "listeners": []}
    line.say(Said(Word.BEGIN, facts | {"lasting": {"server": {"workers": 2}}}, [ledger.file]))
    place = await me.begin()
    place.ledger.tally("memory").set(5)
    assert ledger.amount("memory", 1) == 5
    assert (place.seat, place.first, place.lasting) == (1, False, {"server": {"workers": 2}})
