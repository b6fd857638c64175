"""Jobs one after another: their order, their number, and what is held for them."""

import asyncio
from typing import Any

from frontend.connection.jobs import Held, Jobs
from frontend.connection.outbox import Slot
from frontend.dialogue.events import Event, Exported, Failed
from frontend.dialogue.messages import JsonMessage
from frontend.dialogue.services import Services
from frontend.errors import GatewayError, UnavailableError
from frontend.memory.memory_file import MemoryFile
from frontend.telemetry.logs import Log
from tests.frontend.fakes import ScriptedSpeech, budget
from tests.frontend.scripted_socket import raw

MOST = 64


class Waits:
    """A job that is done when it is told to."""

    def __init__(self, name: str = "", error: Exception | None = None) -> None:
        self._name, self._error = name, error
        self.go_on = asyncio.Event()

    async def run(self, services: Services) -> Event:
        await self.go_on.wait()
        if self._error is not None:
            raise self._error
        return Exported(self._name)


class Told:
    """The jobs of a connection, and what their events were worded for."""

    def __init__(self) -> None:
        self.held = budget()
        self.events: list[tuple[Event, Slot]] = []
        self.jobs = Jobs(Services(ScriptedSpeech(), held=self.held), Log("test"), self.tell)

    def tell(self, event: Event, slot: Slot) -> None:
        self.events.append((event, slot))

    def add(self, *jobs: Waits, data: bytes = b"1234") -> Slot:
        """The jobs of one message."""
        slot, held = Slot(0.0), Held(raw(data, self.held), data)
        self.jobs.add(jobs, slot, held)
        held.close()
        return slot

    @property
    def names(self) -> list[str]:
        return [event.export_id for event, _ in self.events if isinstance(event, Exported)]


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_jobs_are_done_one_after_another_in_their_order() -> None:
    told, jobs = Told(), [Waits(name) for name in "abc"]
    first = told.add(*jobs[:2])
    second = told.add(jobs[2])
    jobs[1].go_on.set()
    jobs[2].go_on.set()
    await turns()
    assert told.events == [], "the first has not been done"
    jobs[0].go_on.set()
    await turns()
    assert told.names == ["a", "b", "c"]
    assert [slot for _, slot in told.events] == [first, first, second]


async def test_a_message_is_held_until_the_last_of_its_jobs_is_done() -> None:
    told, jobs = Told(), [Waits(), Waits()]
    told.add(*jobs)
    assert (told.held.used_bytes, told.jobs.held_bytes) == (4, 4)
    jobs[0].go_on.set()
    await turns()
    assert (told.held.used_bytes, told.jobs.held_bytes) == (4, 4)
    jobs[1].go_on.set()
    await turns()
    assert (told.held.used_bytes, told.jobs.held_bytes) == (0, 0)


async def test_sixty_four_wait_and_room_comes_when_one_is_begun() -> None:
    told, jobs = Told(), [Waits(str(number)) for number in range(MOST + 1)]
    for job in jobs[:MOST]:
        told.add(job)
    assert told.jobs.full
    await turns()
    assert not told.jobs.full, "one is at work, and waits no more"
    told.add(jobs[MOST])
    assert told.jobs.full
    room = asyncio.create_task(told.jobs.room())
    await turns()
    assert not room.done()
    jobs[0].go_on.set()
    await turns()
    assert room.done()
    for job in jobs:
        job.go_on.set()
    for _ in range(10 * MOST):
        await asyncio.sleep(0)
    assert told.names == [str(number) for number in range(MOST + 1)]
    assert told.held.used_bytes == 0


async def test_room_is_there_at_once_where_little_waits() -> None:
    told = Told()
    await told.jobs.room()
    assert not told.jobs.full


async def test_each_job_that_is_done_makes_room_known() -> None:
    told, rooms = Told(), list[int]()
    told.jobs.on_room = lambda: rooms.append(told.jobs.held_bytes)
    jobs = [Waits(), Waits()]
    for job in jobs:
        job.go_on.set()
        told.add(job)
    await turns()
    assert rooms == [4, 0]


async def test_a_job_that_fails_is_told_and_the_next_is_done(caplog: Any) -> None:
    told = Told()
    refused = UnavailableError("the models do not answer")
    for job in (Waits(error=refused), Waits(error=RuntimeError("a transcript: secret")), Waits("good")):
        job.go_on.set()
        told.add(job)
    await turns()
    first, second, third = (event for event, _ in told.events)
    assert first == Failed(refused)
    assert isinstance(second, Failed)
    assert (type(second.error), str(second.error)) == (GatewayError, "internal error")
    assert third == Exported("good")
    assert "secret" not in caplog.text


async def test_stopping_ends_the_job_at_work_and_forgets_the_others() -> None:
    told, jobs = Told(), [Waits(), Waits(), Waits()]
    told.add(*jobs[:2])
    told.add(jobs[2], data=b"12345678")
    await turns()
    await told.jobs.stop()
    assert told.events == []
    assert (told.held.used_bytes, told.jobs.held_bytes) == (0, 0)


async def test_stopping_where_nothing_was_asked_for_does_no_harm() -> None:
    told = Told()
    await told.jobs.stop()
    assert told.held.used_bytes == 0


async def test_work_begins_anew_after_a_pause() -> None:
    told = Told()
    for name in "ab":
        told.add(job := Waits(name))
        job.go_on.set()
        await turns()
    assert told.names == ["a", "b"]


def audio_of(size_bytes: int) -> MemoryFile:
    file = MemoryFile()
    file.append(bytes(size_bytes))
    return file


def test_the_file_in_a_message_is_held_in_place_of_the_message() -> None:
    held, file = budget(), audio_of(3000)
    message = Held(raw(b"x" * 4000, held), JsonMessage({}, audio=file))
    assert (held.used_bytes, message.size_bytes) == (3000, 3000)
    message.close()
    assert (held.used_bytes, file.fd) == (0, -1)


def test_the_bytes_in_a_message_are_held_in_place_of_the_message() -> None:
    held = budget()
    came = raw(b"x" * 4000, held)
    message = Held(came, JsonMessage({}, audio=bytes(3000)))
    assert (held.used_bytes, message.size_bytes, came.content) == (3000, 3000, b"")
    message.close()
    assert held.used_bytes == 0


def test_a_message_that_is_a_file_is_held_once() -> None:
    held = budget()
    file = audio_of(3000)
    message = raw(b"x" * (256 << 10 | 1), held)
    assert isinstance(message.content, MemoryFile)
    file.close()
    Held(message, message.content).close()
    assert (held.used_bytes, message.content.fd) == (0, -1)
