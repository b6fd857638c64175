"""Each message is answered in its place: by several jobs, by a refusal, or, after the end, not at all."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from frontend.dialogue.commands import Ask, Command, HangUp, Push, Reply
from frontend.dialogue.events import Event, Exported, TimedOut
from frontend.dialogue.messages import LARGE_BYTES, Message, RawMessage
from frontend.dialogue.services import Services
from frontend.protocols import PROTOCOLS
from frontend.protocols.base import Context, Profile, WireProtocol
from frontend.protocols.language import LanguageDetection
from frontend.protocols.live import LiveTranscription
from frontend.protocols.realtime import Realtime
from frontend.protocols.voice import VoiceProtocol
from tests.frontend.conversations import Conversation, talking
from tests.frontend.exporting import ALL, kept_in, samples
from tests.frontend.fakes import spoken

VOICE = [protocol for protocol in PROTOCOLS if issubclass(protocol, VoiceProtocol)]
NO_SENSE = "the message cannot be understood"


@dataclass
class Named:
    """A job that is done when it is told to."""

    name: str
    go_on: asyncio.Event

    async def run(self, services: Services) -> Event:
        await self.go_on.wait()
        return Exported(self.name)


class Twice(WireProtocol):
    """Asks for two things of each message but `now`, which it answers at once, and hangs up in time."""

    profile = Profile("twice", "twice", models=(), message_limit="voice_message_bytes")

    def __init__(self, context: Context) -> None:
        self.go_on = asyncio.Event()

    def receive(self, message: Message) -> Iterator[Command]:
        if message == "now":
            yield Reply("now")
        else:
            yield Ask(Named(f"{message!r} 1", self.go_on))
            yield Ask(Named(f"{message!r} 2", self.go_on))

    def send(self, event: Event) -> Iterator[Command]:
        if isinstance(event, Exported):
            yield Reply(event.export_id)
        elif isinstance(event, TimedOut):
            yield Push("too late")
            yield HangUp(1000, "enough")


def twice(tmp_path: Path) -> tuple[Conversation, Twice]:
    talk = Conversation(Twice, tmp_path)
    protocol = talk.session._conversation.protocol
    assert isinstance(protocol, Twice)
    return talk, protocol


async def turns(times: int = 50) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def test_two_jobs_of_one_message_are_both_answered_before_the_next_message(tmp_path: Path) -> None:
    talk, protocol = twice(tmp_path)
    talk.send("a", "now", "b")
    await turns()
    assert talk.socket.sent == []
    protocol.go_on.set()
    assert await talk.socket.until_sent(5) == ["'a' 1", "'a' 2", "now", "'b' 1", "'b' 2"]
    await talk.leave()
    assert talk.held.used_bytes == 0


async def test_messages_that_waited_do_not_hold_up_the_end(tmp_path: Path) -> None:
    """They came before it, and are answered by nothing: what is said at the end is said all the same."""
    talk, protocol = twice(tmp_path)
    talk.send(*["a"] * 33, "behind all jobs", "waits", "waits")
    await turns()
    assert talk.session._conversation.jobs.full
    talk.session._conversation.happened(TimedOut(), None)
    protocol.go_on.set()
    async with asyncio.timeout(10):
        await talk.task
    assert talk.socket.closed == (1000, "enough")
    assert talk.socket.sent[-1] == "too late"
    assert talk.held.used_bytes == 0


def silent(_: WireProtocol) -> Iterator[Command]:
    """Whatever it would say of itself."""
    return iter(())


def puzzled(protocol: type[WireProtocol]) -> type[WireProtocol]:
    """The protocol, which makes no sense of anything."""

    def receive(self: WireProtocol, message: Message) -> Iterator[Command]:
        raise ValueError("a transcript: secret")

    return type("Puzzled", (protocol,), {"receive": receive, "begin": silent})


EXPECTED: dict[str, Any] = {
    "transcribe": {"error": NO_SENSE},
    "whisper": {"type": "error", "message": NO_SENSE},
    "openai_realtime": NO_SENSE,
    **{protocol.profile.name: 500 for protocol in VOICE},
}


@pytest.mark.parametrize("protocol", [each for each in PROTOCOLS if each.profile.name in EXPECTED])
async def test_a_message_without_sense_is_answered_and_the_connection_stays(
    protocol: type[WireProtocol], tmp_path: Path
) -> None:
    async with talking(puzzled(protocol), tmp_path) as talk:
        for _ in range(2):
            talk.send("{}")
            (answer,) = await talk.hear(1)
            said = answer["error"]["message"] if protocol is Realtime else answer
            assert said == EXPECTED[protocol.profile.name]
        assert talk.socket.closed is None


@pytest.mark.parametrize("protocol", [each for each in PROTOCOLS if each.refuse is WireProtocol.refuse])
async def test_a_message_without_sense_ends_a_stream_that_has_no_answer_for_it(
    protocol: type[WireProtocol], tmp_path: Path
) -> None:
    talk = Conversation(puzzled(protocol), tmp_path)
    talk.send("{}")
    await talk.task
    assert (talk.socket.sent, talk.socket.closed) == ([], (1003, NO_SENSE))


async def test_a_message_without_sense_is_told_and_ends_language_detection(tmp_path: Path) -> None:
    talk = Conversation(puzzled(LanguageDetection), tmp_path)
    talk.send("{}")
    await talk.task
    (answer,) = talk.socket.sent
    assert {"status": "error", "message": NO_SENSE}.items() <= json.loads(answer).items()
    assert talk.socket.closed == (1000, "")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_stood_in_a_message_without_sense_is_told_to_nobody(
    protocol: type[WireProtocol], tmp_path: Path, caplog: Any
) -> None:
    async with talking(puzzled(protocol), tmp_path) as talk:
        talk.send("{}")
    assert talk.socket.sent or talk.socket.closed
    assert "secret" not in f"{talk.socket.sent}{talk.socket.closed}{caplog.text}"


def ending(protocol: type[WireProtocol]) -> type[WireProtocol]:
    """The protocol, which hangs up at the first message."""

    def receive(self: WireProtocol, message: Message) -> Iterator[Command]:
        yield HangUp(1000, "enough")

    return type("Ending", (protocol,), {"receive": receive, "begin": silent})


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_comes_after_the_end_is_freed_and_not_answered(protocol: type[WireProtocol], tmp_path: Path) -> None:
    talk = Conversation(ending(protocol), tmp_path)
    talk.socket.reading.clear()
    talk.send("{}")
    await turns()
    used_bytes = talk.held.used_bytes
    talk.send("{}", LARGE_BYTES * b"ab", b"ab", "eof")
    await turns()
    assert talk.socket.incoming.empty()
    assert talk.held.used_bytes == used_bytes
    talk.socket.reading.set()
    await talk.task
    assert (talk.socket.sent, talk.socket.closed) == ([], (1000, "enough"))
    assert talk.held.used_bytes == 0


async def test_what_comes_after_eof_is_neither_recorded_nor_answered(tmp_path: Path) -> None:
    audio = spoken((0.2, 0.8), seconds=1.2).tobytes()
    async with kept_in(tmp_path / "exports") as exports:
        talk = Conversation(LiveTranscription, tmp_path, exports=exports)
        export_id = talk.session._conversation.protocol.headers()["X-Transcription-Id"]
        talk.send(audio, "eof", audio, "no command", "eof", bytes(LARGE_BYTES + 2))
        await talk.task
        assert talk.socket.sent[-1] == export_id
        assert "unknown" not in "".join(talk.socket.sent)
        assert talk.socket.closed == (1000, "")
        assert await samples(exports, export_id) == audio
    assert talk.held.used_bytes == 0


async def test_a_live_client_that_reads_nothing_leaves_a_recording_of_all_that_came(tmp_path: Path) -> None:
    audio = spoken((0.2, 0.8), (1.5, 2.1), seconds=4).tobytes()
    async with kept_in(tmp_path / "exports") as exports:
        talk = Conversation(LiveTranscription, tmp_path, outbox_bytes=1000, exports=exports)
        talk.socket.reading.clear()
        export_id = talk.session._conversation.protocol.headers()["X-Transcription-Id"]
        talk.send(*[audio[start : start + 6400] for start in range(0, len(audio), 6400)])
        await talk.task
        assert talk.socket.closed == (1013, "too many replies wait to be read")
        record = await exports.find(export_id, ALL)
        assert record.state == "incomplete"
        came_bytes = talk.session._stream.audio.received_bytes
        assert came_bytes >= 10 * 6400
        assert await samples(exports, export_id) == audio[:came_bytes]
    assert talk.held.used_bytes == 0


async def test_a_message_that_had_to_wait_and_is_no_text_ends_the_connection_behind_the_answers(tmp_path: Path) -> None:
    talk, protocol = twice(tmp_path)
    talk.send(*["a"] * 33)
    talk.socket.incoming.put_nowait(RawMessage("text", b"\xff", 1, talk.held.lease(1)))
    await turns()
    assert talk.session._conversation.jobs.full
    protocol.go_on.set()
    async with asyncio.timeout(10):
        await talk.task
    assert talk.socket.sent == ["'a' 1", "'a' 2"] * 33
    assert talk.socket.closed == (1007, "a text message is not UTF-8")
    assert talk.held.used_bytes == 0
