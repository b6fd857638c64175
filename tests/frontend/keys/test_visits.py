"""What callers may use: counted for a key or an address, the same whichever protocol they use."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from frontend.caller import Caller
from frontend.config.settings import Quota
from frontend.errors import ForbiddenError, QuotaError, UnauthorizedError
from frontend.keys.guard import Guard
from frontend.keys.keyring import Keyring
from frontend.keys.visits import Visit, Visits
from frontend.memory.ledger import Ledger
from frontend.telemetry.metrics import Metrics

ALICE = Caller("cafe0123", "192.0.2.7", "alice")
NOBODY = Caller("cafe0124", "192.0.2.7")
NOON = 20_000 * 86_400 + 43_200.0
MOST_REASON_BYTES = 123  # of a Close


class Counting:
    """Visits of a process, with a clock of the test's own."""

    def __init__(self, changes: dict[str, Any] | None = None, ledger: Ledger | None = None, **quota: Any) -> None:
        self.now = NOON
        self.metrics, ledger = Metrics(), ledger or Ledger()
        self.keyring = Keyring(("alice:secret", "bob:other"))
        if changes:
            self.keyring.exchange((), {"alice": changes})
        guard = Guard(self.keyring, addresses=ledger.addresses, clock=lambda: self.now)
        quotas, accounts = (Quota(**quota), Quota(**quota)), (ledger.keys, ledger.addresses)
        self._visits = Visits(guard, self.metrics, quotas, accounts, lambda: self.now)

    def visit(self, caller: Caller = ALICE, *protocols: str) -> Visit:
        return Visit(self._visits, caller, protocols or ("live",))

    def refused(self, act: Callable[[], Any]) -> QuotaError:
        with pytest.raises(QuotaError) as told:
            act()
        assert len(str(told.value).encode()) <= MOST_REASON_BYTES
        return told.value


@pytest.mark.parametrize("caller", [ALICE, NOBODY], ids=["key", "address"])
def test_so_many_connections_are_open_at_once(caller: Caller) -> None:
    counting = Counting(streams=2)
    first, second, third = (counting.visit(caller) for _ in range(3))
    first.take_place()
    second.take_place()
    error = counting.refused(third.take_place)
    whose = "key" if caller.key_name else "address"
    assert str(error) == f"streams: this {whose} has 2 connections at once: close one first"
    counting.visit(dataclasses.replace(caller, key_name="bob")).take_place()
    first.close()
    first.close()
    third.take_place()
    counting.refused(counting.visit(caller).take_place)


def test_a_minute_has_so_many_requests_and_the_next_one_as_many_again() -> None:
    counting = Counting(requests_a_minute=2)
    for _ in range(2):
        counting.visit().begin()
    counting.now += 12.5
    error = counting.refused(counting.visit().begin)
    assert (error.quota, error.retry_seconds) == ("requests_a_minute", 47.5)
    counting.now += 47.5
    counting.visit().begin()


def test_a_day_has_so_much_audio_and_so_many_bytes() -> None:
    for quota in ("audio_seconds_a_day", "bytes_a_day"):
        counting = Counting(None, None, **{quota: 60})
        visit = counting.visit()
        visit.begin()
        visit.heard(60.0)
        visit.received(60)
        for act in (visit.check, counting.visit().begin):
            error = counting.refused(act)
            assert (error.quota, error.retry_seconds) == (quota, 43_200.0)
            assert str(error).endswith("begins anew at 00:00 UTC")
        counting.visit(dataclasses.replace(ALICE, key_name="bob")).begin()
        counting.now += 43_200.0
        counting.visit().begin()


def test_a_recording_is_heard_whole_or_not_at_all() -> None:
    counting = Counting(audio_seconds_a_day=100.0)
    visit = counting.visit()
    visit.hear(60.0)
    error = counting.refused(lambda: visit.hear(50.0))
    assert "100 s of audio a day, 40 s are left" in str(error)
    visit.hear(40.0)
    counting.refused(visit.check)


def test_a_key_is_for_the_protocols_that_it_names() -> None:
    counting = Counting({"protocols": ("live", "vosk")})
    counting.visit(ALICE, "live").begin()
    counting.visit(ALICE, "whisper", "live").begin()  # whichever it turns out to be
    counting.visit(dataclasses.replace(ALICE, key_name="bob"), "deepgram").begin()
    with pytest.raises(ForbiddenError, match="this key is for live, vosk alone"):
        counting.visit(ALICE, "deepgram").begin()
    with pytest.raises(ForbiddenError):
        counting.visit(ALICE, "whisper", "live").settle("whisper")
    with pytest.raises(ForbiddenError, match="this token is for vosk alone"):
        counting.visit(dataclasses.replace(ALICE, protocols=("vosk",)), "live").begin()
    with pytest.raises(ForbiddenError, match="this key"):  # whatever its token says
        counting.visit(dataclasses.replace(ALICE, protocols=("deepgram",)), "deepgram").begin()


def test_a_name_may_have_other_than_the_settings_say_and_they_change_under_it() -> None:
    counting = Counting({"streams": 1, "recordings": False}, streams=5)
    visit = counting.visit()
    assert not visit.recordings
    assert counting.visit(NOBODY).recordings
    visit.take_place()
    counting.refused(counting.visit().take_place)
    counting.keyring.exchange((), {"alice": {"streams": 2}})
    counting.visit().take_place()
    assert visit.recordings
    counting.keyring.exchange(())
    counting.visit().take_place()


def test_who_shows_a_key_in_a_message_counts_for_it_from_then_on() -> None:
    counting = Counting(streams=1)
    visit, known = counting.visit(NOBODY), []
    visit.on_known = lambda: known.append(True)
    visit.take_place()
    assert visit.needs_key
    with pytest.raises(UnauthorizedError):
        visit.show("wrong")
    assert visit.show("secret").key_name == "alice"
    assert (visit.needs_key, known) == (False, [True])
    counting.visit(NOBODY).take_place()
    counting.refused(counting.visit(ALICE).take_place)
    visit.close()
    counting.visit(ALICE).take_place()


def test_whose_key_has_nothing_left_stays_unknown_and_holds_its_place() -> None:
    counting = Counting(streams=1)
    counting.visit(ALICE).take_place()
    visit = counting.visit(NOBODY)
    visit.take_place()
    counting.refused(lambda: visit.show("secret"))
    assert visit.needs_key
    counting.refused(counting.visit(NOBODY).take_place)
    visit.close()
    counting.visit(NOBODY).take_place()


def test_two_processes_count_together_and_the_places_of_a_dead_one_are_free() -> None:
    parent = Ledger(3, 2)
    ledgers = [Ledger(3, row, parent.file) for row in (0, 1)]
    one, other = (Counting(ledger=ledger, streams=2, audio_seconds_a_day=60.0) for ledger in ledgers)
    one.visit().take_place()
    other.visit().take_place()
    one.visit().heard(59.0)
    one.refused(one.visit().take_place)
    other.refused(other.visit().take_place)
    parent.take_over(0)
    other.visit().take_place()
    other.visit().begin()
    other.visit().heard(1.0)
    other.refused(other.visit().begin)


def test_addresses_of_one_ipv6_client_are_one() -> None:
    counting = Counting(streams=1)
    counting.visit(Caller("1", "2001:db8::1")).take_place()
    counting.refused(counting.visit(Caller("2", "2001:db8::ffff:2")).take_place)
    counting.visit(Caller("3", "2001:db8:0:1::1")).take_place()
    counting.visit(Caller("4", "::ffff:192.0.2.1")).take_place()
    counting.refused(counting.visit(Caller("5", "192.0.2.1")).take_place)


def test_limits_that_are_hit_are_counted_by_key_and_never_by_address() -> None:
    counting = Counting(requests_a_minute=1)
    for caller in (ALICE, NOBODY, *(dataclasses.replace(ALICE, key_name=f"name {number}") for number in range(70))):
        counting.visit(caller).begin()
        counting.refused(counting.visit(caller).begin)

    def told(name: str) -> float:
        return counting.metrics.value("gateway_limited_total", {"limit": "requests_a_minute", "key": name})

    assert (told("alice"), told(""), told("name 62"), told("name 63"), told("other")) == (1, 1, 1, 0, 7)


def test_whose_key_was_revoked_is_known_by_it() -> None:
    counting = Counting()
    visit = counting.visit(NOBODY)
    assert not visit.revoked
    visit.show("secret")
    assert not visit.revoked
    counting.keyring.exchange(())
    assert not visit.revoked  # its key stands in the settings
    assert counting.visit(ALICE).revoked  # of a key that is none
