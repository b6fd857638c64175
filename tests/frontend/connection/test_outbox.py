import asyncio

import pytest

from frontend.connection.outbox import Outbox, Slot
from frontend.dialogue.commands import HangUp
from frontend.errors import OverloadedError
from tests.frontend.fakes import budget


def answer(outbox: Outbox, slot: Slot, *contents: str | HangUp) -> None:
    """All that a message is answered with."""
    for content in contents:
        outbox.fill(slot, content)
    outbox.close(slot)


async def test_answers_leave_in_the_order_of_the_messages() -> None:
    outbox = Outbox(10_000, budget())
    first, second = outbox.place(0.0), outbox.place(0.0)
    answer(outbox, second, "two")
    waiting = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not waiting.done(), "the second answer overtook the first"
    answer(outbox, first, "one")
    assert [await waiting, await outbox.take()] == ["one", "two"]


async def test_a_hang_up_waits_for_the_answers_before_it() -> None:
    outbox = Outbox(10_000, budget())
    first, last = outbox.place(0.0), outbox.place(0.0)
    answer(outbox, last, HangUp(1000))
    answer(outbox, first, "answer")
    assert [await outbox.take(), await outbox.take()] == ["answer", HangUp(1000)]


async def test_unread_answers_are_bounded_and_what_is_read_makes_room() -> None:
    outbox = Outbox(2000, budget())
    for _ in range(3):
        answer(outbox, outbox.place(0.0), "x" * 400)
    with pytest.raises(OverloadedError, match="wait to be read"):
        outbox.place(0.0)
    await outbox.take()
    outbox.fill(outbox.place(0.0), "x" * 100)


async def test_what_it_holds_counts_in_the_budget_of_all_until_it_is_gone() -> None:
    held = budget()
    outbox = Outbox(10_000, held)
    answer(outbox, outbox.place(0.0), "x" * 1000)
    outbox.place(0.0)
    assert held.used_bytes > 1000
    await outbox.take()
    assert 0 < held.used_bytes < 1000
    outbox.clear()
    assert held.used_bytes == 0


async def test_emptied_waits_for_the_last_answer() -> None:
    outbox = Outbox(10_000, budget())
    await outbox.emptied()
    slot = outbox.place(0.0)
    waiting = asyncio.create_task(outbox.emptied())
    await asyncio.sleep(0)
    assert not waiting.done()
    answer(outbox, slot, "x")
    await outbox.take()
    await waiting


async def test_a_message_may_be_answered_several_times_or_not_at_all() -> None:
    outbox = Outbox(10_000, budget())
    silent, talkative, open_one, last = (outbox.place(0.0) for _ in range(4))
    answer(outbox, silent)
    answer(outbox, last, "four")
    answer(outbox, talkative, "one", "two")
    outbox.fill(open_one, "three")
    assert [await outbox.take() for _ in range(3)] == ["one", "two", "three"]
    waiting = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not waiting.done(), "an answer overtook one that may still come"
    outbox.close(open_one)
    assert await waiting == "four"
