"""Deepgram's live API as a pure machine: what the query asks for, and how what is heard is told."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from multidict import MultiDict

from frontend.caller import Caller
from frontend.config import settings
from frontend.dialogue.commands import Alarm, Audio, Command, EndOfAudio, Flush, HangUp, Push, Refuse, Start
from frontend.dialogue.events import (
    AllHeard,
    Event,
    Failed,
    FinalHeard,
    PartialHeard,
    SpeechStarted,
    SpeechStopped,
    TimedOut,
    UtteranceEnded,
)
from frontend.dialogue.messages import Message
from frontend.errors import UnavailableError
from frontend.media.stream import AudioFormat
from frontend.protocols.base import Context
from frontend.protocols.deepgram import Deepgram
from frontend.protocols.deepgram_form import QueryError, refusal
from frontend.speech import Word
from frontend.tasks.live.options import LiveOptions, Turns
from frontend.tasks.live.transcribe import TranscribeLive
from tests.frontend.conversations import MANIFESTS
from tests.frontend.fakes import visit_of

STREAM_ID = "0123456789abcdef" * 2
REQUEST_ID = "01234567-89ab-cdef-0123-456789abcdef"
WORDS = (Word(" Don't", 0.5, 0.75, 0.8), Word(" panic!", 0.75, 1.25, 0.6))
BARE = {"encoding": "linear16", "sample_rate": "16000"}


def asked(**query: str) -> Deepgram:
    values = MultiDict(BARE | query)
    context = Context(
        visit_of(Caller("cafe0123", "127.0.0.1")), settings.Settings(), MANIFESTS, STREAM_ID, query=values
    )
    return Deepgram(context)


def receive(talk: Deepgram, *messages: Message) -> list[Command]:
    return [command for message in messages for command in talk.receive(message)]


def options(talk: Deepgram) -> LiveOptions:
    (start,) = (command for command in receive(talk, b"\0\0") if isinstance(command, Start))
    assert isinstance(start.task, TranscribeLive)
    return start.task.options


def told(commands: Iterable[Command]) -> list[dict[str, Any]]:
    return [json.loads(one.text.encode()) for one in commands if isinstance(one, Push | Refuse)]


def tell(talk: Deepgram, *events: Event) -> list[dict[str, Any]]:
    return [answer for event in events for answer in told(talk.send(event))]


def test_audio_begins_one_stream_of_which_nothing_is_kept() -> None:
    talk = asked()
    start, *rest = receive(talk, b"\0\0", b"", b"\0")
    assert isinstance(start, Start)
    assert rest == [Audio(b"\0\0", answered=False), Audio(b"\0", answered=False)]
    assert options(asked()).export_id is None
    assert asked().headers() == {"dg-request-id": REQUEST_ID}


@pytest.mark.parametrize(
    ("query", "audio"),
    [
        ({"encoding": "linear16", "sample_rate": "44100", "channels": "2"}, AudioFormat(44_100, "pcm16", 2)),
        ({"encoding": "mulaw", "sample_rate": "8000"}, AudioFormat(8000, "mulaw")),
        ({"encoding": "ALAW", "sample_rate": "8000"}, AudioFormat(8000, "alaw")),
        ({"encoding": "opus", "sample_rate": ""}, AudioFormat(48_000, "opus")),
        ({"encoding": "", "sample_rate": ""}, AudioFormat(16_000, "container")),
        ({"encoding": "ogg-opus"}, AudioFormat(16_000, "container")),
    ],
)
def test_the_query_says_how_the_audio_is_written(query: dict[str, str], audio: AudioFormat) -> None:
    assert options(asked(**query)).listening.audio == audio


def test_packets_of_opus_stay_apart() -> None:
    assert receive(asked(encoding="opus"), b"packet")[1:] == [Audio(b"packet", answered=False, packet=True)]


def test_silence_gaps_language_and_interim_results_are_the_clients() -> None:
    talk = asked(endpointing="700", utterance_end_ms="1500", interim_results="true", language="en-US")
    heard = options(talk)
    assert heard.segmenter.silence_seconds == 0.7
    assert heard.turns == Turns(1.5)
    assert heard.partials
    assert heard.recognition.language.fixed == "en"
    plain = options(asked(language="multi", endpointing="10"))
    assert plain.segmenter.silence_seconds == 0.2
    assert (plain.turns, plain.partials, plain.recognition.language.fixed) == (Turns(), False, None)


@pytest.mark.parametrize(
    "query",
    [
        {"diarize": "true"},
        {"redact": "pci"},
        {"callback": "https://example"},
        {"numerals": "True"},
        {"multichannel": "true", "channels": "2"},
        {"encoding": "amr-nb"},
        {"sample_rate": ""},
        {"sample_rate": "7999"},
        {"sample_rate": "8e3"},
        {"channels": "17"},
        {"language": "xx"},
        {"endpointing": "soon"},
        {"utterance_end_ms": "1000"},
        {"utterance_end_ms": "999", "interim_results": "true"},
    ],
)
def test_what_cannot_be_honoured_is_refused_before_the_upgrade(query: dict[str, str]) -> None:
    with pytest.raises(QueryError) as error:
        asked(**query)
    status, body = refusal(error.value.status, str(error.value), error.value, "cafe0123")
    assert status == 400
    assert body == {"err_code": "INVALID_QUERY_PARAMETER", "err_msg": str(error.value), "request_id": "cafe0123"}


def test_what_changes_nothing_is_taken_and_named_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "gateway")
    asked(model="nova-3", keyterm="panic", tag="a", diarize="false", redact="false", extra="a:b", unknown="1")
    assert [record.__dict__["facts"] for record in caplog.records] == [{"parameters": "extra keyterm"}]


def test_a_final_says_whether_its_utterance_is_over_and_results_tile_the_time() -> None:
    talk = asked(interim_results="true")
    interim, cut, final = tell(
        talk,
        PartialHeard(WORDS[:1], 1.0),
        FinalHeard(WORDS[:1], 1.5, ends_utterance=False),
        FinalHeard(WORDS[1:], 2.25),
    )
    marks = [(each["is_final"], each["speech_final"], each["from_finalize"]) for each in (interim, cut, final)]
    assert marks == [(False, False, False), (True, False, False), (True, True, False)]
    assert [(each["start"], each["duration"]) for each in (interim, cut, final)] == [(0, 1), (0, 1.5), (1.5, 0.75)]
    assert final["channel_index"] == [0, 1]
    assert final["metadata"]["request_id"] == REQUEST_ID
    (alternative,) = cut["channel"]["alternatives"]
    word = {"word": "don't", "start": 0.5, "end": 0.75, "confidence": 0.8}
    assert alternative == {"transcript": "don't", "confidence": 0.8, "words": [word]}


def test_punctuation_comes_where_it_is_wanted() -> None:
    for wanted in ("punctuate", "smart_format"):
        (final,) = tell(asked(**{wanted: "true"}), FinalHeard(WORDS, 2.0))
        (alternative,) = final["channel"]["alternatives"]
        assert alternative["transcript"] == "Don't panic!"
        words = [(word["word"], word["punctuated_word"]) for word in alternative["words"]]
        assert words == [("don't", "Don't"), ("panic", "panic!")]


def test_with_endpointing_off_no_final_ends_an_utterance() -> None:
    (final,) = tell(asked(endpointing="false"), FinalHeard(WORDS, 2.0))
    assert (final["is_final"], final["speech_final"]) == (True, False)


def test_of_several_languages_the_final_names_its_own() -> None:
    (final,) = tell(asked(language="multi"), FinalHeard(WORDS, 2.0, language="de"))
    assert final["channel"]["alternatives"][0]["languages"] == ["de"]


def test_finalize_is_answered_by_a_final_that_says_so() -> None:
    talk = asked()
    assert receive(talk, b"\0\0", '{"type": "Finalize"}')[-1] == Flush()
    (final,) = tell(talk, FinalHeard((), 1.0, forced=True))
    assert (final["is_final"], final["from_finalize"]) == (True, True)


def test_who_speaks_is_told_where_it_is_wanted() -> None:
    events = SpeechStarted(0.5, 0.2), SpeechStopped(1.5), UtteranceEnded(1.25)
    ended = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 1.25}
    assert tell(asked(), *events) == [ended]
    started = {"type": "SpeechStarted", "channel": [0], "timestamp": 0.5}
    assert tell(asked(vad_events="true"), *events) == [started, ended]


def test_the_end_is_told_with_what_was_heard() -> None:
    talk = asked()
    assert receive(talk, b"\0\0", '{"type": "CloseStream"}')[-2:] == [Alarm(None), EndOfAudio()]
    assert receive(talk, b"\0\0", '{"type": "Finalize"}') == []
    push, end = talk.send(AllHeard(1.5))
    (metadata,) = told([push])
    assert (metadata["type"], metadata["request_id"], metadata["duration"]) == ("Metadata", REQUEST_ID, 1.5)
    assert metadata["sha256"] == "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
    assert metadata["created"].endswith("+00:00")
    assert end == HangUp()


def test_who_says_nothing_for_too_long_is_hung_up_on_and_a_keep_alive_is_something() -> None:
    talk = asked()
    assert list(talk.begin()) == [Alarm(10.0)]
    assert receive(talk, '{"type": "KeepAlive"}') == []
    assert list(talk.send(TimedOut())) == [HangUp(1011, "NET-0001: neither audio nor a KeepAlive came for 10 s")]


@pytest.mark.parametrize("text", ["", "Finalize", "[]", '{"type": 7}', '{"type": "Close"}', "[" * 70_000, "\ud800"])
def test_a_text_that_is_not_understood_is_told_so_and_the_stream_goes_on(text: str) -> None:
    talk = asked()
    (error,) = told(receive(talk, text))
    assert (error["type"], error["variant"]) == ("Error", "SchemaError")
    assert isinstance(receive(talk, b"\0\0")[0], Start)


def test_keyterms_cannot_be_changed_on_the_way() -> None:
    (failure,) = told(receive(asked(), '{"type": "Configure", "keyterms": ["panic"]}'))
    assert (failure["type"], failure["code"]) == ("ConfigureFailure", "CONFIGURE_KEYTERMS_NOT_SUPPORTED")


def test_a_failure_hangs_up() -> None:
    assert list(asked().send(Failed(UnavailableError("gone")))) == [HangUp(1013, "gone")]
