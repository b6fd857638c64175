"""The dialect of Vosk's server as a pure machine: one answer a message, at once."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from frontend.dialogue.commands import Audio, Command, EndOfAudio, Flush, HangUp, Refuse, Reply, Start
from frontend.dialogue.events import AllHeard, Event, Failed, FinalHeard, PartialHeard
from frontend.dialogue.messages import Message
from frontend.errors import ProtocolError, UnavailableError
from frontend.protocols.vosk import Vosk
from frontend.speech import Word
from frontend.tasks.live.transcribe import TranscribeLive
from tests.frontend.conversations import context, talking
from tests.frontend.fakes import spoken

WORDS = (Word(" nine", 0.5, 0.75, 0.8), Word(" pins", 0.75, 1.25, 0.6))
RESULT = {
    "result": [
        {"conf": 0.8, "start": 0.5, "end": 0.75, "word": "nine"},
        {"conf": 0.6, "start": 0.75, "end": 1.25, "word": "pins"},
    ],
    "text": "nine pins",
}


def answers(commands: Iterable[Command]) -> list[Any]:
    return [json.loads(str(one.text)) for one in commands if isinstance(one, Reply | Refuse)]


def say(talk: Vosk, *messages: Message) -> list[Any]:
    return [answer for message in messages for answer in answers(talk.receive(message))]


def tell(talk: Vosk, *events: Event) -> list[Any]:
    return [answer for event in events for answer in answers(talk.send(event))]


def begun(config: str = "{}") -> Vosk:
    talk = Vosk(context())
    assert list(talk.receive(f'{{"config": {config}}}')) == []
    return talk


def test_audio_is_answered_at_once_with_what_is_known_then() -> None:
    talk = begun()
    start, audio, reply = talk.receive(b"\0\0")
    assert isinstance(start, Start)
    assert audio == Audio(b"\0\0", answered=False)
    assert answers([reply]) == [{"partial": ""}]
    assert tell(talk, PartialHeard(WORDS[:1])) == []
    assert say(talk, b"", b"") == [{"partial": "nine"}] * 2
    assert tell(talk, FinalHeard(WORDS)) == []
    assert say(talk, b"", b"") == [RESULT, {"partial": ""}]


def test_of_several_utterances_that_are_known_each_answers_a_message_and_the_last_answer_has_the_rest() -> None:
    talk = begun('{"words": false}')
    say(talk, b"")
    tell(talk, FinalHeard(WORDS[:1]), FinalHeard(()), FinalHeard(WORDS[1:]), FinalHeard(WORDS[:1]))
    assert say(talk, b"") == [{"text": "nine"}]
    assert list(talk.receive('{"eof" : 1}')) == [EndOfAudio()]
    assert tell(talk, FinalHeard(WORDS[1:])) == []
    *rest, end = talk.send(AllHeard(1.5))
    assert answers(rest) == [{"text": "pins nine pins"}]
    assert end == HangUp()


def test_eof_without_audio_has_its_answer_and_nothing_is_heard_after() -> None:
    talk = begun()
    start, end = talk.receive('{"eof": 1}')
    assert isinstance(start, Start)
    assert end == EndOfAudio()
    assert list(talk.receive(b"\0\0")) == list(talk.receive('{"eof": 1}')) == []
    assert tell(talk, AllHeard(0.0)) == [{"text": ""}]


def test_a_reset_is_answered_when_all_before_it_is_known_and_what_follows_behind_it() -> None:
    talk = begun('{"words": 0}')
    say(talk, b"")
    assert list(talk.receive('{"reset": 1}')) == [Flush()]
    assert say(talk, b"", "what", '{"reset": 1}') == []
    assert tell(talk, PartialHeard(WORDS[:1]), FinalHeard(WORDS[:1])) == []
    assert tell(talk, FinalHeard(WORDS[1:], forced=True)) == [{"text": "nine pins"}, *[{"partial": ""}] * 3]
    assert say(talk, b"") == [{"partial": ""}]


@pytest.mark.parametrize("config", ['{"max_alternatives": 1}', '{"max_alternatives": "3", "words": "true"}'])
def test_alternatives_come_where_they_are_asked_for(config: str) -> None:
    talk = begun(config)
    say(talk, b"")
    tell(talk, FinalHeard(WORDS))
    words = [{key: word[key] for key in ("start", "end", "word")} for word in RESULT["result"]]  # type: ignore[index]
    assert say(talk, b"") == [{"alternatives": [{"confidence": 0.7, "result": words, "text": "nine pins"}]}]


@pytest.mark.parametrize(("rate", "heard"), [("8000", 8000), ('"44100"', 44_100), ("48000.0", 48_000)])
def test_a_config_says_the_rate_as_a_number_or_a_string(rate: str, heard: int) -> None:
    talk = begun(f'{{"sample_rate": {rate}, "phrase_list": ["nine"], "model": "small"}}')
    start = next(talk.receive(b""))
    assert isinstance(start, Start)
    assert isinstance(start.task, TranscribeLive)
    assert start.task.options.listening.audio.rate == heard
    assert start.task.options.export_id is None


@pytest.mark.parametrize("config", ["7", '{"sample_rate": 7999}', '{"sample_rate": "fast"}', '{"sample_rate": null}'])
def test_a_config_that_cannot_be_used_is_told_by_the_close(config: str) -> None:
    talk = Vosk(context())
    with pytest.raises(ProtocolError) as told:
        list(talk.receive(f'{{"config": {config}}}'))
    assert list(talk.refuse(told.value)) == [HangUp(1003, str(told.value))]
    late = begun()
    say(late, b"")
    with pytest.raises(ProtocolError, match="before the audio"):
        list(late.receive('{"config": {"sample_rate": 8000}}'))


@pytest.mark.parametrize("text", ["", "eof", "[]", "{", '{"type": "eof!"}', "[" * 70_000, '{"a": "' + "b" * 70_000])
def test_other_text_has_its_answer_too(text: str) -> None:
    (refusal,) = begun().receive(text)
    assert isinstance(refusal, Refuse)
    assert answers([refusal]) == [{"partial": ""}]


def test_a_failure_hangs_up() -> None:
    assert list(begun().send(Failed(UnavailableError("gone")))) == [HangUp(1013, "gone")]


async def test_a_client_of_its_kind_hears_its_words_and_the_close(tmp_path: Path) -> None:
    async with talking(Vosk, tmp_path) as talk:
        talk.send('{"config": {"sample_rate": 16000}}')
        audio = spoken((0.2, 0.8), seconds=1.2).tobytes()
        for start in range(0, len(audio), 6400):
            (reply,) = await talk.say(audio[start : start + 6400])
            assert json.loads(reply).keys() <= {"partial", "result", "text"}
        (last,) = await talk.say('{"eof" : 1}')
        assert json.loads(last).keys() <= {"result", "text"}
        await talk.socket.over.wait()
        assert talk.socket.closed == (1000, "")
