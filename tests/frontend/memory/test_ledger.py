"""Numbers that processes share, and budgets that hold for all of them together."""

import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, Gauge

from frontend.errors import OverloadedError
from frontend.memory.budget import Budget, Share
from frontend.memory.ledger import Ledger, Tally
from tests.triton_server import ROOT

ANOTHER = """
import sys
from frontend.memory.ledger import Ledger
Ledger(3, 2, int(sys.argv[1])).tally("disk").set(int(sys.argv[2]))
"""


def budget(limit_bytes: int, tally: Tally) -> Budget:
    return Budget(limit_bytes, "memory", Gauge("held", "held", registry=CollectorRegistry()), tally)


def rows(count: int) -> list[Ledger]:
    first = Ledger(count, 0)
    return [first, *(Ledger(count, row, first.file) for row in range(1, count))]


def test_each_writes_its_own_number_and_reads_the_sum() -> None:
    first, second, third = rows(3)
    first.tally("memory").set(5)
    second.tally("memory").set(7)
    third.tally("connections").set(1 << 40)
    assert [each.tally("memory").total for each in (first, second, third)] == [12, 12, 12]
    assert first.tally("connections").total == 1 << 40
    assert first.tally("exports").total == 0


def test_another_process_is_seen_at_once() -> None:
    ledger = Ledger(3, 0)
    command = [sys.executable, "-c", ANOTHER, str(ledger.file), "123"]
    subprocess.run(command, cwd=ROOT, check=True, pass_fds=[ledger.file])
    assert ledger.tally("disk").total == 123


def test_of_an_ended_process_only_what_it_left_on_the_disk_counts_on() -> None:
    parent, first, second = rows(3)
    for thing in ("connections", "disk", "exports"):
        second.tally(thing).set(9)
    first.tally("exports").set(-4)  # it deleted what the other had made
    for _ in range(2):
        parent.take_over(second.row)
        assert [first.tally(thing).total for thing in ("connections", "disk", "exports")] == [0, 0, 5]
    second.tally("exports").set(2)  # the next one in that row
    parent.take_over(second.row)
    assert first.tally("exports").total == 7


def test_a_budget_is_one_for_all_processes() -> None:
    first, second = (budget(100, ledger.tally("memory")) for ledger in rows(2))
    first.take(60)
    second.take(40)
    with pytest.raises(OverloadedError):
        second.take(1)
    with pytest.raises(OverloadedError):
        first.take(1)
    first.give_back(60)
    second.take(60)
    assert (first.used_bytes, second.used_bytes) == (0, 100)


def test_a_share_of_a_budget_is_one_for_all_processes() -> None:
    ledgers = rows(2)
    budgets = [budget(100, ledger.tally("memory")) for ledger in ledgers]
    first, second = (
        Share(each, 50, "files", ledger.tally("files")) for each, ledger in zip(budgets, ledgers, strict=True)
    )
    first.take(30)
    with pytest.raises(OverloadedError, match="too many files"):
        second.take(30)
    budgets[1].take(70)  # what is not files may have it
    first.give_back(30)
    second.take(30)


def test_what_is_measured_is_right_whoever_had_counted_it() -> None:
    first, second = (budget(100, ledger.tally("exports")) for ledger in rows(2))
    first.take(30)
    second.give_back(10)
    first.measured(25)
    with pytest.raises(OverloadedError):
        second.take(76)
    second.take(75)


def test_alone_there_is_nobody_else() -> None:
    ledger = Ledger()
    tally = ledger.tally("memory")
    tally.set(3)
    assert tally.total == 3
    assert all(ledger.owns(number) for number in range(10))
    assert Tally().total == 0


def test_every_number_is_given_away_by_exactly_one() -> None:
    ledgers = rows(3)
    for number in range(20):
        assert sum(ledger.owns(number) for ledger in ledgers) == 1


def test_the_file_is_no_childs_unless_it_is_handed_on() -> None:
    assert not os.get_inheritable(Ledger(2, 0).file)
