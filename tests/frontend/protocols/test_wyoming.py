"""Wyoming as a pure machine: events in, events out."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from wyoming.asr import Transcript
from wyoming.event import Event as WyomingEvent
from wyoming.info import Info

from frontend.caller import Caller
from frontend.config import services, settings
from frontend.dialogue.commands import Audio, Command, Flush, HangUp, Push, Reply, Start
from frontend.dialogue.events import AllHeard, Event, Failed, FinalHeard
from frontend.dialogue.messages import Message
from frontend.errors import ProtocolError, UnavailableError
from frontend.media.stream import AudioFormat
from frontend.protocols.base import Context
from frontend.protocols.wyoming import Wyoming
from frontend.speech import Word
from frontend.tasks.live.options import LiveOptions
from frontend.tasks.live.transcribe import TranscribeLive
from tests.frontend.conversations import MANIFESTS
from tests.frontend.fakes import visit_of

WORDS = (Word(" Turn", 0.5, 0.75, 0.8), Word(" on.", 0.75, 1.25, 0.6))
FORMAT = {"rate": 16_000, "width": 2, "channels": 1}


def begun(**wyoming: Any) -> Wyoming:
    options = settings.Settings(wyoming=services.Wyoming(**wyoming))
    return Wyoming(Context(visit_of(Caller("cafe0123", "127.0.0.1")), options, MANIFESTS))


def event(kind: str, **data: Any) -> str:
    return json.dumps({"type": kind, "data": data})


def say(talk: Wyoming, *messages: Message) -> list[Command]:
    return [command for message in messages for command in talk.receive(message)]


def told(commands: Iterable[Command]) -> list[WyomingEvent]:
    return [WyomingEvent.from_dict(json.loads(str(one.text))) for one in commands if isinstance(one, Reply | Push)]


def tell(talk: Wyoming, *events: Event) -> list[WyomingEvent]:
    return [answer for each in events for answer in told(talk.send(each))]


def options(commands: list[Command]) -> LiveOptions:
    (start,) = (command for command in commands if isinstance(command, Start))
    assert isinstance(start.task, TranscribeLive)
    return start.task.options


def test_who_asks_is_told_what_is_served_as_the_package_reads_it() -> None:
    (info,) = map(Info.from_event, told(say(begun(), event("describe"))))
    (program,) = info.asr
    (model,) = program.models
    assert model.languages == list(MANIFESTS["asr"].languages)
    assert (program.installed, model.installed, program.supports_transcript_streaming) == (True, True, False)


def test_an_utterance_is_all_between_its_start_and_its_stop() -> None:
    talk = begun()
    commands = say(talk, event("transcribe", language="en-US"), event("audio-start", **FORMAT))
    assert options(commands).listening.audio == AudioFormat(16_000)
    assert options(commands).recognition.language.fixed == "en"
    assert (options(commands).export_id, options(commands).partials) == (None, False)
    assert say(talk, event("audio-chunk", **FORMAT), b"\0\0") == [Audio(b"\0\0", answered=False)]
    assert say(talk, event("audio-stop")) == [Flush()]
    (transcript,) = tell(talk, FinalHeard(WORDS[:1]), FinalHeard(WORDS[1:], forced=True, language="en"))
    assert Transcript.from_event(transcript) == Transcript("Turn on.", language="en")


def test_another_utterance_may_follow_on_the_same_connection() -> None:
    talk = begun()
    chunk = (event("audio-chunk", **FORMAT), b"\0\0")
    say(talk, event("audio-start", **FORMAT), *chunk, event("audio-stop"), event("audio-start", **FORMAT), *chunk)
    assert say(talk, event("audio-stop"), event("audio-stop")) == [Flush()]
    transcripts = tell(talk, FinalHeard(WORDS[:1], forced=True), FinalHeard((), forced=True))
    assert [transcript.data["text"] for transcript in transcripts] == ["Turn", ""]


def test_audio_needs_no_start_and_a_stop_no_audio() -> None:
    assert isinstance(say(begun(), event("audio-chunk", **FORMAT), b"\0\0")[0], Start)
    (transcript,) = told(say(begun(), event("audio-stop")))
    assert transcript.data == {"text": ""}


def test_where_it_is_configured_each_final_is_told_at_once() -> None:
    talk = begun(transcript_streaming=True)
    say(talk, event("audio-start", **FORMAT))
    kinds = [(each.type, each.data.get("text")) for each in tell(talk, FinalHeard(WORDS[:1]))]
    assert kinds == [("transcript-start", None), ("transcript-chunk", "Turn")]
    kinds = [(each.type, each.data.get("text")) for each in tell(talk, FinalHeard(WORDS[1:], forced=True))]
    assert kinds == [("transcript-chunk", " on."), ("transcript", "Turn on."), ("transcript-stop", None)]
    kinds = [(each.type, each.data.get("text")) for each in tell(talk, FinalHeard((), forced=True))]
    assert kinds == [("transcript-start", None), ("transcript", ""), ("transcript-stop", None)]


@pytest.mark.parametrize(
    "messages",
    [
        [event("audio-start", **(FORMAT | {"rate": 7999}))],
        [event("audio-start", **(FORMAT | {"width": 4}))],
        [event("audio-chunk", **(FORMAT | {"channels": 0}))],
        [event("audio-start")],
        [event("transcribe", language="xx")],
        [event("transcribe", language=7)],
        [event("audio-start", **FORMAT), event("audio-start", **(FORMAT | {"rate": 8000}))],
    ],
)
def test_what_cannot_be_honoured_ends_the_connection_with_a_reason(messages: list[Message]) -> None:
    talk = begun()
    with pytest.raises(ProtocolError) as error:
        say(talk, *messages)
    assert list(talk.refuse(error.value)) == [HangUp(1003, str(error.value))]


def test_what_is_not_known_is_ignored_and_a_ping_is_answered() -> None:
    talk = begun()
    assert say(talk, event("select-program", name="x"), event("synthesize"), b"\0\0", "[]", "", "[" * 70_000) == []
    (pong,) = told(say(talk, event("ping", text="x")))
    assert (pong.type, pong.data) == ("pong", {"text": "x"})


def test_the_end_and_a_failure_hang_up() -> None:
    assert list(begun().send(AllHeard(1.0))) == [HangUp()]
    assert list(begun().send(Failed(UnavailableError("gone")))) == [HangUp(1013, "gone")]
