"""Wrong keys at speed: whoever shows them waits longer each time, and nobody else does."""

import asyncio

import pytest

from frontend.caller import Caller
from frontend.config.settings import Keys
from frontend.errors import UnauthorizedError, WrongKeysError
from frontend.keys import guard
from frontend.keys.guard import Guard, neighbourhood
from frontend.keys.keyring import Keyring
from frontend.keys.tickets import Ticket
from frontend.memory.accounts import FORGIVEN_SECONDS
from frontend.memory.ledger import Ledger

HERE, ELSEWHERE = Caller("cafe0123", "192.0.2.7"), Caller("cafe0124", "192.0.2.8")
OPTIONS = Keys(wrong_free=3, wrong_seconds=16.0)
CLIENTS = ("alice:secret", "bob:other")


class Clocked:
    def __init__(self, ledger: Ledger | None = None, options: Keys = OPTIONS) -> None:
        self.now = 1e9
        self.guard = Guard(Keyring(CLIENTS, secret=b"s"), options, (ledger or Ledger()).addresses, lambda: self.now)

    def waits(self, caller: Caller = HERE, key: str = "wrong") -> float:
        """How long the caller is told to wait; 0 where its key is looked at, and wrong."""
        with pytest.raises(UnauthorizedError) as told:
            self.guard.identify(caller, [key])
        return told.value.retry_seconds if isinstance(told.value, WrongKeysError) else 0.0

    def name(self, caller: Caller = HERE, key: str = "secret") -> str | None:
        known = self.guard.identify(caller, [key])
        return known.key_name if known else None


def test_each_wrong_key_beyond_a_few_makes_its_address_wait_twice_as_long_up_to_a_bound() -> None:
    clocked = Clocked()
    assert [clocked.waits() for _ in range(4)] == [0.0] * 4
    for seconds in (4.0, 8.0, 16.0, 16.0):
        assert [clocked.waits() for _ in range(100)] == [seconds] * 100, "what comes meanwhile changes nothing"
        clocked.now += seconds
        assert clocked.waits() == 0.0
    clocked.now += FORGIVEN_SECONDS
    assert [clocked.waits() for _ in range(4)] == [0.0] * 4


def test_a_right_key_of_another_address_waits_for_nothing() -> None:
    clocked = Clocked()
    for _ in range(50):
        with pytest.raises(UnauthorizedError):
            clocked.guard.identify(HERE, ["wrong"])
    assert clocked.name(ELSEWHERE) == "alice"
    assert clocked.waits(HERE, "secret") == 4.0, "nothing is told of it"


def test_who_came_in_from_an_address_before_comes_in_whatever_others_do_there() -> None:
    clocked = Clocked()
    assert clocked.name() == "alice"
    while not clocked.waits():
        pass
    assert clocked.name() == "alice"
    assert clocked.waits(HERE, "other") == 4.0


def test_all_processes_know_what_one_saw() -> None:
    first = Ledger(2, 0)
    one, other = Clocked(first), Clocked(Ledger(2, 1, first.file))
    assert one.name() == "alice"
    assert [each.waits() for each in (one, other, one, other)] == [0.0] * 4
    assert one.waits() == other.waits() == 4.0
    assert other.name() == "alice"


def test_of_ipv6_an_address_is_a_network() -> None:
    clocked = Clocked()
    for number in range(4):
        assert clocked.waits(Caller("cafe0123", f"2001:db8::{number + 1:x}")) == 0.0
    assert clocked.waits(Caller("cafe0123", "2001:db8::ffff")) == 4.0
    assert clocked.waits(Caller("cafe0123", "2001:db8:0:1::1")) == 0.0


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_a_place_is_what_one_client_has(address: str, place: str) -> None:
    assert neighbourhood(address) == place


def test_forged_tickets_are_wrong_keys() -> None:
    clocked = Clocked()
    keyring = clocked.guard.keyring
    alices = keyring.find("secret")
    assert alices is not None
    ticket = keyring.tickets.issue(Ticket("alice", 1 << 40, {"a": 1}, keyring.mark(alices), ("live",)))
    known = clocked.guard.identify(HERE, [ticket])
    assert known == Caller("cafe0123", "192.0.2.7", "alice", {"a": 1}, keyring.mark(alices), ("live",), True)
    assert [clocked.waits(HERE, f"{ticket}x") for _ in range(5)] == [0.0] * 4 + [4.0]


async def test_a_bounded_number_of_those_who_do_not_wait_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_HELD_SECONDS", 0.01)
    one = Clocked().guard
    for _ in range(2):
        assert await asyncio.gather(*(one.hold() for _ in range(300))) == [True] * 256 + [False] * 44


def test_it_may_be_switched_off_and_nobody_waits_where_nobody_needs_a_key() -> None:
    clocked = Clocked(options=Keys(wrong_free=0, wrong_seconds=0.0))
    assert [clocked.waits() for _ in range(50)] == [0.0] * 50
    assert all(Guard(Keyring()).identify(HERE, ["any"]) is None for _ in range(50))


async def test_what_comes_beyond_those_who_are_held_is_shut_out_where_nobody_came_in_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "_MOST_HELD", 1)
    clocked = Clocked()
    assert clocked.name(ELSEWHERE) == "alice"
    for caller in (HERE, ELSEWHERE):
        assert [clocked.waits(caller) for _ in range(5)] == [0.0] * 4 + [4.0]
    assert clocked.guard.shuts_out(HERE.address) == 0.0, "nobody is held"
    held = asyncio.create_task(clocked.guard.hold())
    await asyncio.sleep(0)
    assert clocked.guard.shuts_out(HERE.address) == 4.0
    assert clocked.guard.shuts_out(ELSEWHERE.address) == 0.0, "it may be somebody behind the same proxy"
    clocked.now += 5.0
    assert clocked.guard.shuts_out(HERE.address) == 0.0
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)


async def test_of_those_who_are_shut_out_no_more_are_remembered_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "_MOST_HELD", 0)
    monkeypatch.setattr(guard, "_MOST_SHUT", 1)
    clocked = Clocked()
    for caller in (HERE, ELSEWHERE):
        assert clocked.waits(caller) == 0.0
        assert [clocked.waits(caller) for _ in range(4)][-1] == 4.0
    assert [clocked.guard.shuts_out(each.address) for each in (HERE, ELSEWHERE)] == [0.0, 4.0]
