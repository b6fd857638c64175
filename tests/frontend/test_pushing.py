"""The session with protocols that speak when they like, and with tasks that outlive their client."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from frontend.conversation import (
    Alarm,
    Audio,
    AudioSource,
    Command,
    EndOfAudio,
    Event,
    Exported,
    HangUp,
    Message,
    Push,
    Start,
    Task,
)
from frontend.events import TimedOut
from frontend.protocols.base import Setting, WireProtocol
from frontend.services import Services
from tests.frontend.conversations import Conversation


class Pushing(WireProtocol):
    """Says what its task says; a text ends the audio, another hangs up."""

    path = name = "pushing"
    models = ()
    message_limit = "voice_message_bytes"

    def __init__(self, setting: Setting) -> None:
        self.task = Keeping()

    def begin(self) -> Iterator[Command]:
        yield Start(self.task)

    def receive(self, message: Message) -> Iterator[Command]:
        if isinstance(message, bytes):
            yield Audio(message, answered=False)
        elif message == "alarm":
            yield Alarm(0.01)
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

    async def run(self, audio: AudioSource, services: Services) -> AsyncIterator[Event]:
        while messages := await audio.take():
            self.kept += b"".join(messages)
        self.interrupted = audio.interrupted
        yield Exported("id")


def pushing(tmp_path: Path) -> tuple[Conversation, Keeping]:
    talk = Conversation(Pushing, tmp_path)
    protocol = talk.session._protocol
    assert isinstance(protocol, Pushing)
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


async def test_a_client_that_left_after_the_end_interrupted_nothing(tmp_path: Path) -> None:
    talk, task = pushing(tmp_path)
    talk.send(b"ab", "over")
    await talk.leave()
    assert (task.kept, task.interrupted) == (b"ab", False)


async def test_an_alarm_goes_off(tmp_path: Path) -> None:
    talk, _ = pushing(tmp_path)
    talk.send("alarm")
    assert await talk.socket.until_sent(1) == ["late"]
    await talk.leave()
