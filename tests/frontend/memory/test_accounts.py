"""What is counted of many: by several processes together, within bounds, and beyond the end of the one that counted."""

import pytest

from frontend.memory.accounts import DAY_SECONDS, FORGIVEN_SECONDS, MINUTE_SECONDS, Accounts, Usage
from frontend.memory.ledger import Ledger

NOON = 20_000 * DAY_SECONDS + DAY_SECONDS / 2


def beside_each_other(count: int) -> list[Ledger]:
    first = Ledger(count, 0)
    return [first, *(Ledger(count, row, first.file) for row in range(1, count))]


def test_what_two_processes_count_of_one_name_is_one_sum() -> None:
    one, other, _ = beside_each_other(3)
    number = one.keys.number("key", "alice")
    assert number == other.keys.number("key", "alice") != one.keys.number("key", "bob")
    one.keys.add(number, NOON, open=1, requests=2, audio_ms=3, bytes=4)
    other.keys.add(number, NOON, open=1, requests=1, audio_ms=1, bytes=1)
    assert one.keys.usage(number, NOON) == other.keys.usage(number, NOON) == Usage(2, 3, 4, 5)
    assert one.addresses.usage(number, NOON) == Usage()


def test_minutes_and_days_begin_anew_and_what_is_open_stays() -> None:
    accounts, number = Ledger().keys, 7
    accounts.add(number, NOON, open=1, requests=2, audio_ms=3, bytes=4)
    assert accounts.usage(number, NOON + MINUTE_SECONDS) == Usage(1, 0, 3, 4)
    accounts.add(number, NOON + MINUTE_SECONDS, requests=1)
    assert accounts.usage(number, NOON + MINUTE_SECONDS) == Usage(1, 1, 3, 4)
    assert accounts.usage(number, NOON + DAY_SECONDS) == Usage(1)
    accounts.add(number, NOON + DAY_SECONDS, bytes=1)
    assert accounts.usage(number, NOON + DAY_SECONDS) == Usage(1, 0, 0, 1)


def test_of_a_process_that_ended_everything_counts_on_but_what_it_held_open() -> None:
    one, other, parent = beside_each_other(3)
    number = one.keys.number("key", "alice")
    for each in (one, other):
        each.keys.add(number, NOON, open=1, requests=1, audio_ms=10, bytes=100)
        each.addresses.mistake(number, NOON)
    for _ in range(2):
        parent.take_over(one.row)
        assert other.keys.usage(number, NOON) == Usage(1, 2, 20, 200)
        assert other.addresses.usage(number, NOON).mistakes == 2
    parent.take_over(other.row)
    assert parent.keys.usage(number, NOON) == Usage(0, 2, 20, 200)
    one.keys.add(number, NOON + DAY_SECONDS, audio_ms=1)  # the next one in that row
    parent.take_over(one.row)
    assert parent.keys.usage(number, NOON + DAY_SECONDS).audio_ms == 1


def test_mistakes_are_forgotten_a_while_after_the_last() -> None:
    accounts, number = Ledger().addresses, 7
    for seconds in (0, FORGIVEN_SECONDS - 1):
        accounts.mistake(number, NOON + seconds)
    last = NOON + FORGIVEN_SECONDS - 1
    assert accounts.usage(number, last + FORGIVEN_SECONDS - 1).mistakes == 2
    assert accounts.usage(number, last + FORGIVEN_SECONDS).mistakes == 0
    accounts.mistake(number, last + FORGIVEN_SECONDS)
    assert accounts.usage(number, last + FORGIVEN_SECONDS).mistakes == 1


def test_of_a_process_that_ended_no_mistakes_come_back_that_were_forgotten() -> None:
    one, _, parent = beside_each_other(3)
    for day in range(2):
        for _ in range(3):
            one.addresses.mistake(7, NOON + day * DAY_SECONDS)
        parent.take_over(one.row)
    assert parent.addresses.usage(7, NOON + DAY_SECONDS).mistakes == 3


def test_what_is_given_back_to_an_account_that_was_forgotten_is_not_owed() -> None:
    accounts = Accounts.alone()
    accounts.add(7, NOON, open=-1)
    assert accounts.usage(7, NOON).open == 0


def test_where_there_is_no_room_whoever_was_seen_least_recently_is_forgotten_unless_something_is_open() -> None:
    accounts = Accounts.alone()
    accounts.add(1, NOON, open=1)
    for number in range(2, 9):
        accounts.add(number, NOON + number, requests=1)
    assert all(map(accounts.knows, range(1, 9)))
    accounts.add(9, NOON + 9, requests=1)
    assert [number for number in range(1, 10) if not accounts.knows(number)] == [2]
    accounts.add(3, NOON + 10, requests=1)
    accounts.add(10, NOON + 10, requests=1)
    assert [number for number in range(1, 11) if not accounts.knows(number)] == [2, 4]
    assert accounts.usage(1, NOON).open == 1


@pytest.mark.parametrize("text", ["", "\0", "ü\udcff", "x" * 10_000])
def test_whatever_a_name_is_it_has_a_number(text: str) -> None:
    assert 0 < Accounts.alone().number("key", text) < 1 << 63
