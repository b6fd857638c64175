"""What many connections bring at about the same time is looked at together, what few bring at once."""

import asyncio
import functools

import pytest

from frontend.connection.framing import BINARY, TEXT
from frontend.connection.gathering import Gathering
from tests.frontend.connection.rfc6455 import frame
from tests.frontend.connection.scripted_transport import Wire, client_close, turn


class Called:
    """Notes who was called, and when the last of some had been."""

    def __init__(self) -> None:
        self.calls: list[int | str] = []

    def by(self, number: int) -> None:
        self.calls.append(number)

    def then(self) -> None:
        self.calls.append("then")


def join(gathering: Gathering, called: Called, *numbers: int) -> None:
    for number in numbers:
        gathering.join(functools.partial(called.by, number))


def busy(called: Called, most: int = 4, wait_seconds: float = 1e6) -> Gathering:
    """So many came just now that the next ones wait; in a test for ever, unless it says otherwise."""
    gathering = Gathering(wait_seconds, most, called.then)
    for _ in range(1000):
        gathering.join(lambda: None)
        gathering.go()
    called.calls.clear()
    return gathering


async def test_where_few_come_nobody_waits() -> None:
    called = Called()
    gathering = Gathering(3600, 64, called.then)
    join(gathering, called, 1)
    assert called.calls == [1, "then"]


async def test_many_wait_until_they_are_enough() -> None:
    called = Called()
    gathering = busy(called)
    join(gathering, called, 1, 2, 3)
    await turn(5)
    assert called.calls == []
    join(gathering, called, 4)
    assert called.calls == [1, 2, 3, 4, "then"]


async def test_many_wait_for_the_time_at_most() -> None:
    called, done = Called(), asyncio.Event()
    gathering = busy(called, wait_seconds=0.01)
    join(gathering, called, 1)
    gathering.join(done.set)
    assert called.calls == []
    async with asyncio.timeout(10):
        await done.wait()
    assert called.calls == [1, "then"]


async def test_nobody_waits_when_they_are_told_to_go() -> None:
    called = Called()
    gathering = busy(called)
    join(gathering, called, 1)
    gathering.go()
    assert called.calls == [1, "then"]


async def test_sixteen_are_called_a_turn_and_whoever_comes_meanwhile_goes_along() -> None:
    called = Called()
    gathering = busy(called, most=20)
    join(gathering, called, *range(20))
    assert called.calls == list(range(16))
    join(gathering, called, 20)
    await turn()
    assert called.calls == [*range(21), "then"]


async def test_whatever_one_does_the_others_are_called() -> None:
    called = Called()
    gathering = busy(called, most=2)
    gathering.join([].pop)
    with pytest.raises(IndexError):
        join(gathering, called, 1)
    await turn()
    assert called.calls == [1, "then"]


class Waiting(Wire):
    """A connection among others that keep the gateway busy."""

    def gathering(self) -> Gathering:
        self.shared = busy(Called(), most=1000)
        return self.shared

    def listening(self) -> "Waiting":
        super().listening()
        return self


async def test_audio_behind_audio_waits_and_is_handed_on_in_order() -> None:
    wire = Waiting().listening()
    wire.receive(frame(BINARY, b"1"))
    wire.receive(frame(BINARY, b"2"))
    wire.receive(frame(BINARY, b"3"))
    assert wire.heard.contents == [b"1"]
    wire.shared.go()
    assert wire.heard.contents == [b"1", b"2", b"3"]


async def test_text_and_what_comes_behind_it_is_handed_on_at_once() -> None:
    wire = Waiting().listening()
    wire.receive(frame(TEXT, b"16000"))
    wire.receive(frame(BINARY, b"1"))
    assert wire.heard.contents == [b"16000", b"1"]


async def test_much_does_not_wait() -> None:
    """It is held from when it is handed on."""
    wire = Waiting().listening()
    wire.receive(frame(BINARY, b"1"))
    wire.receive(frame(BINARY, bytes(9000)))
    assert wire.held.used_bytes == 1
    wire.receive(frame(BINARY, bytes(9000)))
    assert wire.held.used_bytes == 18_001


async def test_what_waits_is_handed_on_before_the_client_is_gone() -> None:
    """All of it, in as many turns as that takes."""
    wire = Waiting().listening()
    wire.receive(frame(BINARY, b"first"))
    wire.receive(*[frame(BINARY, b"x")] * 20)
    wire.socket.eof_received()
    heard = [(len(wire.heard.messages), wire.heard.times_gone)]
    for _ in range(2):
        await turn()
        heard.append((len(wire.heard.messages), wire.heard.times_gone))
    assert heard == [(9, 0), (17, 0), (21, 1)]


async def test_a_connection_that_is_lost_is_left_by_what_waits_of_it() -> None:
    wire = Waiting().listening()
    wire.receive(frame(BINARY, b"1"))
    wire.receive(frame(BINARY, b"2"))
    wire.transport.lose(None)
    wire.shared.go()
    assert wire.heard.contents == [b"1", b"2"]
    assert wire.heard.times_gone == 1


async def test_a_connection_that_is_being_closed_waits_for_nobody() -> None:
    wire = Waiting().listening()
    wire.receive(frame(BINARY, b"1"))
    await wire.closing()
    wire.receive(frame(BINARY, b"late"), client_close(1000))
    await turn(3)
    assert wire.transport.closing
