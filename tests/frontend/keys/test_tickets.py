"""Keys that the gateway signs are good for whom, for what and until when they say, and nobody else makes one."""

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.keys.keyring import Keyring
from frontend.keys.tickets import PREFIX, Ticket, Tickets

SECRET = b"one secret"
SOON = int(time.time()) + 3600
TICKET = Ticket("alice", SOON, {"type": "transcription"}, "a mark", ("live",))


def test_a_ticket_says_whose_it_is_and_what_for_to_all_that_share_the_secret() -> None:
    assert Tickets(b"one secret").read(Tickets(b"one secret").issue(TICKET)) == TICKET
    assert Tickets(b"another").read(Tickets(b"one secret").issue(TICKET)) is None
    assert Tickets().read(Tickets().issue(TICKET)) is None


def test_a_ticket_that_has_expired_is_none() -> None:
    tickets = Tickets()
    assert tickets.read(tickets.issue(Ticket("alice", int(time.time()) - 1))) is None


def test_no_letter_of_a_ticket_can_be_another() -> None:
    tickets = Tickets()
    key = tickets.issue(TICKET)
    for at in range(len(key)):
        assert tickets.read(f"{key[:at]}{'A' if key[at] != 'A' else 'B'}{key[at + 1 :]}") is None, at


def test_a_signature_is_not_anothers() -> None:
    tickets = Tickets()
    mine, longer = tickets.issue(TICKET), tickets.issue(Ticket("alice", SOON + 9999))
    assert tickets.read(f"{longer.partition('.')[0]}.{mine.partition('.')[2]}") is None


@given(st.one_of(st.text(max_size=80), st.text(max_size=80).map(lambda text: f"{PREFIX}{text}")))
def test_whatever_is_shown_is_read_without_harm(text: str) -> None:
    assert Tickets(b"secret").read(text) is None


def test_a_ticket_takes_letters_that_every_place_for_keys_takes() -> None:
    key = Tickets().issue(TICKET)
    text = key.removeprefix(PREFIX).partition(".")[0]
    told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert told == ["alice", SOON, TICKET.terms, "a mark", ["live"]]
    assert not set(key) & set(' ,;:/=+"')


@pytest.mark.parametrize(
    ("clients", "good"),
    [(["alice:k"], True), (["alice:k", "alice:m"], True), (["alice:m"], False), (["bob:k"], False), ([], True)],
)
def test_a_ticket_is_good_as_long_as_the_key_is_one_that_it_was_made_with(clients: list[str], good: bool) -> None:
    mine = Keyring(["alice:k"], secret=SECRET)
    key = mine.find("k")
    assert key is not None
    ticket = mine.tickets.issue(Ticket("alice", SOON, mark=mine.mark(key)))
    assert (Keyring(clients, secret=SECRET).ticket_of(ticket) is not None) == good
