"""What waits behind a message that has to wait, one message after another."""

import asyncio

import pytest

from frontend.connection.inbox import Inbox
from frontend.connection.outbox import Slot
from frontend.dialogue.messages import LARGE_BYTES, RawMessage
from frontend.memory.memory_file import MemoryFile
from tests.frontend.fakes import budget
from tests.frontend.scripted_socket import raw


class Handling:
    """Handles a message in the call that brings it, but a slow one when it is told to."""

    def __init__(self) -> None:
        self.held = budget()
        self.handled: list[bytes] = []
        self.lengths: list[int] = []
        self.go_on = asyncio.Event()
        self.inbox = Inbox(self.handle, lambda: self.lengths.append(self.inbox.held_bytes))

    def put(self, *messages: bytes) -> None:
        for message in messages:
            self.inbox.put(raw(message, self.held), Slot(0.0))

    def handle(self, message: RawMessage, slot: Slot) -> "asyncio.Task[None] | None":
        if message.data().startswith(b"slow"):
            return asyncio.get_running_loop().create_task(self.handle_slowly(message))
        self.take(message)
        return None

    async def handle_slowly(self, message: RawMessage) -> None:
        await self.go_on.wait()
        self.take(message)

    def take(self, message: RawMessage) -> None:
        self.handled.append(message.data())
        message.close()


async def turns(times: int = 3) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def test_a_message_is_handled_in_the_call_that_brings_it() -> None:
    handling = Handling()
    handling.put(b"a", b"b")
    assert handling.handled == [b"a", b"b"]
    assert handling.lengths == []


async def test_messages_behind_a_slow_one_wait_and_are_held() -> None:
    handling = Handling()
    handling.put(b"slow", b"abc", b"d")
    await turns()
    assert handling.handled == []
    assert (handling.held.used_bytes, handling.inbox.held_bytes) == (8, 4)
    assert handling.lengths[-1] == 4
    handling.go_on.set()
    await turns()
    assert handling.handled == [b"slow", b"abc", b"d"]
    assert (handling.held.used_bytes, handling.inbox.held_bytes) == (0, 0)
    assert handling.lengths[-1] == 0, "whoever holds the client back is told"


async def test_a_few_at_a_time_are_handled_of_those_that_waited() -> None:
    handling = Handling()
    handling.put(b"slow", *[b"x"] * 20)
    handling.go_on.set()
    counts = set[int]()
    while len(handling.handled) < 21:
        counts.add(len(handling.handled))
        await turns(1)
    assert sorted(counts)[-2:] == [9, 17]


async def test_what_comes_between_two_turns_keeps_its_place() -> None:
    handling, done = Handling(), list[int]()
    handling.put(b"slow", *[str(number).encode() for number in range(9)])
    handling.go_on.set()
    while len(handling.handled) < 9:
        await turns(1)
    handling.put(b"last")
    handling.inbox.last(lambda: done.append(len(handling.handled)))
    assert done == []
    await turns()
    assert done[0] == 11
    assert handling.handled == [b"slow", *[str(number).encode() for number in range(9)], b"last"]


@pytest.mark.parametrize("waiting", [0, 10])
async def test_the_last_thing_is_done_behind_everything(waiting: int) -> None:
    handling, done = Handling(), list[int]()
    handling.put(b"slow", *[b"x"] * waiting)
    handling.inbox.last(lambda: done.append(len(handling.handled)))
    assert done == []
    handling.go_on.set()
    await turns(6)
    assert done[0] == 1 + waiting


async def test_the_last_thing_is_done_at_once_where_nothing_waits() -> None:
    handling, done = Handling(), list[int]()
    handling.put(b"a")
    handling.inbox.last(lambda: done.append(len(handling.handled)))
    assert done == [1]


@pytest.mark.parametrize(("size_bytes", "most"), [(1, 1024), (LARGE_BYTES, 16)])
async def test_it_is_long_by_number_or_by_bytes(size_bytes: int, most: int) -> None:
    handling = Handling()
    handling.put(b"slow", *[bytes(size_bytes)] * (most - 1))
    assert not handling.inbox.is_long
    handling.put(bytes(size_bytes), bytes(size_bytes))
    assert handling.inbox.is_long
    await handling.inbox.close()


async def test_closing_frees_what_waits_and_what_is_in_hand() -> None:
    handling, done = Handling(), list[int]()
    large = raw(b"slow" + bytes(LARGE_BYTES), handling.held)
    handling.inbox.put(large, Slot(0.0))
    handling.put(b"waits", bytes(LARGE_BYTES + 1))
    handling.inbox.last(lambda: done.append(1))
    await turns()
    await handling.inbox.close()
    assert handling.held.used_bytes == 0
    assert isinstance(large.content, MemoryFile)
    assert large.content.fd == -1
    await turns()
    assert (handling.handled, done) == ([], [])


async def test_closing_before_a_slow_message_was_looked_at_frees_it() -> None:
    handling = Handling()
    handling.put(b"slow")
    await handling.inbox.close()
    assert handling.held.used_bytes == 0


async def test_closing_between_two_turns_handles_no_more() -> None:
    handling = Handling()
    handling.put(b"slow", *[b"x"] * 20)
    handling.go_on.set()
    while len(handling.handled) < 9:
        await turns(1)
    await handling.inbox.close()
    await turns()
    assert len(handling.handled) == 9
    assert handling.held.used_bytes == 0
