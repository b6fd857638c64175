"""The session with protocols that speak when they like, and with tasks that outlive their client."""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from frontend.dialogue.commands import Alarm, Audio, Command, EndOfAudio, Flush, HangUp, Push, Start
from frontend.dialogue.events import Event, Exported, TimedOut
from frontend.dialogue.messages import LARGE_BYTES, Message
from frontend.dialogue.tasks import Stream, Task
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import Context, Profile, WireProtocol
from tests.frontend.conversations import Conversation
from tests.frontend.scripted_socket import raw

ALARM_SECONDS = 0.01


class Pushing(WireProtocol):
    """Says what its task says; a text ends the audio, another hangs up."""

    profile = Profile("pushing", "pushing", models=(), message_limit="voice_message_bytes")

    def __init__(self, context: Context) -> None:
        self.task = Keeping()

    def begin(self) -> Iterator[Command]:
        yield Start(self.task)

    def receive(self, message: Message) -> Iterator[Command]:
        if isinstance(message, bytes):
            yield Audio(message, answered=False)
        elif message == "alarm":
            yield Alarm(ALARM_SECONDS)
        elif message == "strict alarm":
            yield Alarm(ALARM_SECONDS, strict=True)
        elif message == "what was said?":
            yield Flush()
        else:
            yield Push(f"heard {message}")
            yield EndOfAudio()

    def send(self, event: Event) -> Iterator[Command]:
        yield Push("late" if isinstance(event, TimedOut) else "exported")
        if isinstance(event, Exported):
            yield HangUp()


@dataclass
class Keeping(Task):
    """Keeps the audio, and says so in the end, with or without a client."""

    outlives_client: ClassVar[bool] = True
    kept: bytes = b""
    interrupted: bool | None = None
    began: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, stream: Stream) -> Coroutine[Any, Any, None]:
        return self.keep(stream)

    async def keep(self, stream: Stream) -> None:
        while not stream.audio.over:
            self.kept += b"".join(stream.audio.take())
            self.began.set()
            await stream.audio.wait()
        self.interrupted = stream.audio.interrupted
        stream.tell(Exported("id"))


def pushing(tmp_path: Path, task: Keeping | None = None) -> tuple[Conversation, Keeping]:
    talk = Conversation(Pushing, tmp_path)
    protocol = talk.session._conversation.protocol
    assert isinstance(protocol, Pushing)
    protocol.task = task or protocol.task
    return talk, protocol.task


async def test_what_is_pushed_comes_after_what_was_said_before(tmp_path: Path) -> None:
    talk, task = pushing(tmp_path)
    talk.send(b"ab", b"cd", "over")
    await talk.task
    assert talk.socket.sent == ["heard over", "exported"]
    assert (task.kept, task.interrupted) == (b"abcd", False)
    assert talk.socket.closed == (1000, "")


async def test_a_task_that_outlives_its_client_gets_all_that_came_and_finishes(tmp_path: Path) -> None:
    talk, task = pushing(tmp_path)
    talk.send(*[bytes(3200)] * 500)
    await talk.leave()
    assert (len(task.kept), task.interrupted) == (1_600_000, True)
    assert talk.socket.sent == []
    assert talk.held.used_bytes == 0


async def test_a_client_that_asks_what_was_said_more_often_than_it_is_told_is_hung_up_on(tmp_path: Path) -> None:
    talk, task = pushing(tmp_path)
    talk.send(b"ab", *["what was said?"] * 10_000)
    await talk.socket.over.wait()
    assert talk.socket.closed == (1013, "too much was asked for that is not answered yet")
    await talk.task
    assert task.interrupted


async def test_a_client_that_pushes_faster_than_the_disk_takes_it_is_slowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast and in however small frames: little of it is in memory, and no answer is missed."""
    pwrite, may_write = os.pwrite, threading.Event()

    def slow_write(*arguments: Any) -> int:
        may_write.wait(10)
        return pwrite(*arguments)

    monkeypatch.setattr("frontend.connection.spool.os.pwrite", slow_write)
    talk, task = pushing(tmp_path, Waiting())
    task.go_on = talk.socket.over
    talk.send(*[bytes(64_000)] * 500, *[b"ab"] * 10_000)
    for _ in range(20_000):  # turns of the event loop: whatever can come in is in by then
        await asyncio.sleep(0)
    assert talk.held.used_bytes < 8 << 20
    assert talk.socket.incoming.qsize() > 10_000
    may_write.set()
    await talk.leave()
    assert talk.socket.closed == (1000, "")


async def test_a_client_that_left_after_the_end_interrupted_nothing(tmp_path: Path) -> None:
    talk, task = pushing(tmp_path)
    talk.send(b"ab", "over")
    await talk.leave()
    assert (task.kept, task.interrupted) == (b"ab", False)


class Waiting(Keeping):
    """Says nothing before it is told to, and then has a defect."""

    async def keep(self, stream: Stream) -> None:
        self.began.set()
        await self.go_on.wait()
        stream.tell(Exported("id"))
        raise RuntimeError("a transcript: secret")


async def test_work_that_fails_when_its_client_is_gone_leaves_nothing_behind(tmp_path: Path, caplog: Any) -> None:
    talk, task = pushing(tmp_path, Waiting())
    task.go_on = talk.socket.over
    await talk.leave()
    assert talk.socket.sent == []
    assert talk.held.used_bytes == 0
    assert "secret" not in caplog.text


async def test_draining_lets_a_stream_end_and_says_that_it_was_the_gateway(tmp_path: Path) -> None:
    talk, task = pushing(tmp_path)
    talk.send(b"ab")
    await task.began.wait()
    await talk.session.drain(10)
    await talk.task
    assert talk.socket.sent == ["exported"]
    assert (task.kept, task.interrupted) == (b"ab", True)
    assert talk.socket.closed == (1001, "the gateway is going away")


async def test_draining_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    talk, task = pushing(tmp_path, Waiting())
    await task.began.wait()
    async with asyncio.timeout(10):
        await talk.session.drain(0.01)
        await talk.socket.over.wait()
    assert talk.socket.closed == (1001, "the gateway is going away")
    task.go_on.set()
    await talk.task


async def test_work_of_a_session_that_is_cut_does_not_outlive_its_client(tmp_path: Path) -> None:
    talk, task = pushing(tmp_path, Waiting())
    await task.began.wait()
    talk.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(talk.task, 10)
    assert talk.held.used_bytes == 0


async def test_a_message_for_which_there_is_no_room_is_freed(tmp_path: Path) -> None:
    talk, _ = pushing(tmp_path)
    used_bytes = (1 << 30) - 1000
    talk.held.take(used_bytes)
    large = raw(bytes(LARGE_BYTES + 1))
    talk.socket.incoming.put_nowait(large)
    await talk.task
    assert talk.socket.closed == (1013, "the gateway's memory is full, try again later")
    assert isinstance(large.content, MemoryFile)
    assert large.content.fd == -1
    assert talk.held.used_bytes == used_bytes


async def test_an_alarm_waits_while_a_message_arrives(tmp_path: Path) -> None:
    talk, _ = pushing(tmp_path)
    talk.socket.quiet = [0.0, 0.0]
    began = asyncio.get_running_loop().time()
    talk.send("alarm")
    assert await talk.socket.until_sent(1) == ["late"]
    assert asyncio.get_running_loop().time() - began >= 3 * ALARM_SECONDS
    await talk.leave()


async def test_a_strict_alarm_goes_off_whatever_arrives(tmp_path: Path) -> None:
    talk, _ = pushing(tmp_path)
    talk.socket.quiet = [0.0] * 10_000
    talk.send("strict alarm")
    assert await talk.socket.until_sent(1) == ["late"]
    assert len(talk.socket.quiet) == 10_000
    await talk.leave()


async def test_an_alarm_goes_off(tmp_path: Path) -> None:
    talk, _ = pushing(tmp_path)
    talk.send("alarm")
    assert await talk.socket.until_sent(1) == ["late"]
    await talk.leave()
