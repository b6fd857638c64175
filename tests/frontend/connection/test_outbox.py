import asyncio

import pytest

from frontend.connection.outbox import Outbox, Slot
from frontend.dialogue.commands import HangUp
from frontend.errors import OverloadedError
from frontend.memory.budget import Budget
from tests.frontend.fakes import budget


class Client:
    """Takes what it is sent, while it reads."""

    def __init__(self, reads: bool = True) -> None:
        self.writable = reads
        self.got: list[str] = []

    def send(self, data: bytes) -> None:
        assert self.writable
        self.got.append(data.decode())


def outbox_to(client: Client, limit_bytes: int = 10_000, held: Budget | None = None) -> Outbox:
    return Outbox(client, limit_bytes, (held or budget()).lease())


def answer(outbox: Outbox, slot: Slot, *contents: str | HangUp) -> None:
    """All that a message is answered with."""
    for content in contents:
        outbox.fill(slot, content)
    outbox.close(slot)


def test_answers_leave_in_the_order_of_the_messages() -> None:
    client = Client()
    outbox = outbox_to(client)
    first, second = outbox.place(0.0), outbox.place(0.0)
    answer(outbox, second, "two")
    assert client.got == [], "the second answer overtook the first"
    answer(outbox, first, "one")
    assert client.got == ["one", "two"]


def test_a_hang_up_waits_for_the_answers_before_it() -> None:
    client, hung_up = Client(), list[HangUp]()
    outbox = outbox_to(client)
    outbox.on_hang_up = hung_up.append
    first, last = outbox.place(0.0), outbox.place(0.0)
    answer(outbox, last, HangUp(1000))
    assert not hung_up
    answer(outbox, first, "answer")
    assert (client.got, hung_up) == (["answer"], [HangUp(1000)])


def test_unread_answers_are_bounded_and_what_is_read_makes_room() -> None:
    client = Client(reads=False)
    outbox = outbox_to(client, 2000)
    for _ in range(3):
        answer(outbox, outbox.place(0.0), "x" * 600)
    with pytest.raises(OverloadedError, match="wait to be read"):
        answer(outbox, outbox.place(0.0), "x" * 600)
    client.writable = True
    outbox.flush()
    assert len(client.got) == 3
    outbox.fill(outbox.place(0.0), "x" * 100)


def test_messages_without_an_answer_yet_are_bounded_but_for_the_first_few() -> None:
    held = budget()
    outbox = outbox_to(Client(), 2000, held)
    slots = [outbox.place(0.0) for _ in range(16)]
    assert held.used_bytes == 0
    slots += [outbox.place(0.0) for _ in range(7)]
    with pytest.raises(OverloadedError, match="wait to be read"):
        outbox.place(0.0)
    for slot in reversed(slots):
        answer(outbox, slot, "x")
    assert held.used_bytes == 0


def test_what_it_holds_counts_in_the_budget_of_all_until_it_is_gone() -> None:
    held, client = budget(), Client(reads=False)
    outbox = outbox_to(client, held=held)
    answer(outbox, outbox.place(0.0), "x" * 1000)
    outbox.place(0.0)
    assert held.used_bytes == 1000
    client.writable = True
    outbox.flush()
    assert held.used_bytes == 0
    outbox.clear()
    assert held.used_bytes == 0


async def test_nobody_waits_for_answers_to_a_client_that_is_gone() -> None:
    outbox = outbox_to(Client(reads=False))
    answer(outbox, outbox.place(0.0), "x")
    waiting = asyncio.create_task(outbox.emptied())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.clear()
    await waiting


async def test_emptied_waits_for_the_last_answer() -> None:
    client = Client()
    outbox = outbox_to(client)
    await outbox.emptied()
    slot = outbox.place(0.0)
    waiting = asyncio.create_task(outbox.emptied())
    await asyncio.sleep(0)
    assert not waiting.done()
    answer(outbox, slot, "x")
    await waiting


def test_a_message_may_be_answered_several_times_or_not_at_all() -> None:
    client = Client()
    outbox = outbox_to(client)
    silent, talkative, open_one, last = (outbox.place(0.0) for _ in range(4))
    answer(outbox, silent)
    answer(outbox, last, "four")
    answer(outbox, talkative, "one", "two")
    outbox.fill(open_one, "three")
    assert client.got == ["one", "two", "three"], "an answer overtook one that may still come"
    outbox.close(open_one)
    assert client.got == ["one", "two", "three", "four"]


def test_a_message_that_asked_for_several_things_is_answered_by_all_of_them() -> None:
    client = Client()
    outbox = outbox_to(client)
    slot, behind = outbox.place(0.0), outbox.place(0.0)
    slot.owed += 2
    outbox.close(slot)  # understood
    answer(outbox, behind, "behind")
    answer(outbox, slot, "one")
    assert client.got == ["one"]
    answer(outbox, slot, "two")
    assert client.got == ["one", "two", "behind"]


async def test_a_flood_of_answers_leaves_the_event_loop_to_others() -> None:
    client = Client(reads=False)
    outbox = outbox_to(client, 1 << 20)
    for number in range(1000):
        answer(outbox, outbox.place(0.0), str(number))
    client.writable = True
    outbox.flush()
    assert 0 < len(client.got) < 100
    while len(client.got) < 1000:
        before = len(client.got)
        await asyncio.sleep(0)
        assert len(client.got) - before < 100
    assert client.got == [str(number) for number in range(1000)]


def test_nothing_is_kept_for_a_client_that_is_gone() -> None:
    held, client = budget(), Client(reads=False)
    outbox = outbox_to(client, held=held)
    slot = outbox.place(0.0)
    outbox.clear()
    answer(outbox, slot, "late")
    answer(outbox, outbox.place(0.0), "later")
    assert held.used_bytes == 0
    assert client.got == []


async def test_what_is_flushed_while_others_have_their_turn_waits_for_its_own() -> None:
    client = Client(reads=False)
    outbox = outbox_to(client, 1 << 20)
    for number in range(130):
        answer(outbox, outbox.place(0.0), str(number))
    client.writable = True
    outbox.flush()
    outbox.flush()
    assert len(client.got) == 64
    await asyncio.sleep(0)
    assert len(client.got) == 128
    await asyncio.sleep(0)
    assert client.got == [str(number) for number in range(130)]


async def test_what_is_cleared_between_two_turns_is_not_sent() -> None:
    client, held = Client(reads=False), budget()
    outbox = outbox_to(client, 1 << 20, held)
    for number in range(100):
        answer(outbox, outbox.place(0.0), str(number))
    client.writable = True
    outbox.flush()
    outbox.clear()
    await asyncio.sleep(0)
    assert len(client.got) == 64
    slot = outbox.place(0.0)
    answer(outbox, slot, "late")
    assert (len(client.got), held.used_bytes) == (64, 0)
