"""A conversation whose protocol or task has a defect, or whose first message says who goes on with it."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from frontend.dialogue.commands import Command, HangUp, Push, Reply, Start
from frontend.dialogue.events import Event, Failed
from frontend.dialogue.messages import Message
from frontend.dialogue.tasks import Stream, Task
from frontend.errors import GatewayError
from frontend.protocols.base import Context, Profile, WireProtocol
from frontend.protocols.first_frame import FirstFrame
from tests.frontend.conversations import Conversation, context, talking


class Failing(Task):
    def begin(self, stream: Stream) -> Coroutine[Any, Any, None]:
        return self.fail()

    async def fail(self) -> None:
        raise RuntimeError("a transcript: secret")


class Mute(WireProtocol):
    """Has no words for an event: it has a defect there."""

    profile = Profile("mute", "mute", models=(), message_limit="voice_message_bytes")

    def __init__(self, context: Context) -> None: ...

    def receive(self, message: Message) -> Iterator[Command]:
        yield Reply("heard")
        if message == "fail":
            yield Start(Failing())

    def send(self, event: Event) -> Iterator[Command]:
        raise RuntimeError("a template: secret")


class Other(Mute):
    """What the conversation is from its first message on."""

    def begin(self) -> Iterator[Command]:
        yield Push("welcome")


class Undecided(Mute):
    def settled(self, frame: Any) -> WireProtocol:
        return Other(context())


async def test_a_protocol_that_cannot_word_an_event_ends_the_connection_politely(tmp_path: Path, caplog: Any) -> None:
    talk = Conversation(Mute, tmp_path)
    await talk.say("hello")
    talk.session._conversation.happened(Failed(GatewayError()), None)
    await talk.task
    assert talk.socket.closed == (1011, "internal error")
    assert "secret" not in caplog.text


async def test_nor_does_a_failed_task_that_cannot_be_worded_stay(tmp_path: Path, caplog: Any) -> None:
    talk = Conversation(Mute, tmp_path)
    talk.send("fail")
    async with asyncio.timeout(10):
        await talk.task
    assert talk.socket.sent == ["heard"]
    assert talk.socket.closed == (1011, "internal error")
    assert talk.held.used_bytes == 0
    assert "secret" not in caplog.text


async def test_what_happens_after_the_end_is_not_worded(tmp_path: Path, caplog: Any) -> None:
    talk = Conversation(Mute, tmp_path)
    await talk.say("hello")
    await talk.leave()
    talk.session._conversation.happened(Failed(GatewayError()), None)
    talk.session._conversation.fail(RuntimeError())
    talk.session._conversation.end(HangUp(1013))
    assert talk.socket.closed == (1000, "")
    assert "failed" not in caplog.text


async def test_whoever_goes_on_with_the_conversation_begins_it(tmp_path: Path) -> None:
    talk = Conversation(Undecided, tmp_path)
    talk.send("hello")
    assert sorted(await talk.socket.until_sent(2)) == ["heard", "welcome"]
    await talk.leave()


async def test_the_first_frame_says_that_it_is_whispers(tmp_path: Path) -> None:
    async with talking(FirstFrame, tmp_path) as talk:
        talk.send({"type": "nonsense"})
        assert await talk.hear(1) == [{"type": "error", "message": "Unknown message type: nonsense"}]
        assert json.loads(talk.socket.sent[0])["type"] == "error"
