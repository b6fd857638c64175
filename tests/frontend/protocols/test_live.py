"""The live protocol as a pure machine, line by line of what its clients know."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.caller import Caller
from frontend.config import services, settings
from frontend.dialogue.commands import Alarm, Audio, Command, EndOfAudio, HangUp, Refuse, Reply, Start
from frontend.dialogue.events import Exported, Failed, FinalHeard, PartialHeard, TimedOut
from frontend.dialogue.messages import Message
from frontend.errors import OverloadedError, UnavailableError
from frontend.protocols.base import Context
from frontend.protocols.live import LiveTranscription
from frontend.speech import Word
from frontend.tasks.live.transcribe import TranscribeLive
from tests.frontend.fakes import visit_of
from tests.frontend.spoken_tones import MANIFEST

STREAM_ID = "0123456789abcdef" * 2
WORDS = (Word(" Das", 6.792375, 7.452375, 0.8052), Word(" für", 7.452375, 7.832375, 0.995533))


def started(*, keys: tuple[str, ...] = (), key_name: str | None = None, **live: Any) -> LiveTranscription:
    options = settings.Settings(keys=settings.Keys(keys), live=services.Live(**live))
    caller = Caller("cafe0123", "127.0.0.1", key_name)
    return LiveTranscription(Context(visit_of(caller, keys), options, {"asr": MANIFEST}, STREAM_ID))


def receive(talk: LiveTranscription, *messages: Message) -> list[Command]:
    return [command for message in messages for command in talk.receive(message)]


def task(commands: list[Command]) -> TranscribeLive:
    (start,) = (command.task for command in commands if isinstance(command, Start))
    assert isinstance(start, TranscribeLive)
    return start


def test_audio_starts_the_task_once_and_is_not_answered() -> None:
    start, *rest = receive(started(), b"\0\0\0", b"", b"\0")
    assert isinstance(start, Start)
    assert rest == [Audio(data, answered=False) for data in (b"\0\0\0", b"", b"\0")]


@pytest.mark.parametrize("text", ["eof", '{"eof" : 1}', '{"type":"eof"}', "please eof now"])
def test_a_text_with_eof_ends_the_audio_and_nothing_is_heard_after(text: str) -> None:
    talk = started()
    assert receive(talk, b"\0\0", text)[-1] == EndOfAudio()
    assert receive(talk, b"\0\0", "eof", "nonsense") == []


def test_eof_without_audio_still_makes_an_export() -> None:
    start, end = receive(started(), "eof")
    assert isinstance(start, Start)
    assert end == EndOfAudio()


@pytest.mark.parametrize("text", ["", "hello", "{}", "[]", '{"type":"ping"}', "[" * 8192, '{"reset":1}'])
def test_other_text_is_called_unknown_in_plain_words(text: str) -> None:
    (answer,) = receive(started(), text)
    assert isinstance(answer, Refuse)
    assert answer.text == "control message unknown"


def test_a_text_that_is_too_long_to_be_read_is_told_the_limit_and_the_stream_goes_on() -> None:
    talk = started()
    for text in (json.dumps({"config": {"phrase_list": ["Geoffrey"] * 1000}}), "eof" + 8190 * "!"):
        (answer,) = receive(talk, text)
        assert isinstance(answer, Refuse)
        assert answer.text == "control message unknown: longer than 8192 characters"
    assert receive(talk, b"\0\0", "eof" + 8189 * "!")[-1] == EndOfAudio()


@pytest.mark.parametrize(
    ("config", "rate"),
    [({}, 16000), ({"sample_rate": 8000}, 8000), ({"sample_rate": "48000"}, 48000), ({"sample_rate": 44100.0}, 44100)],
)
def test_a_config_before_the_audio_says_its_rate(config: Mapping[str, Any], rate: int) -> None:
    talk = started()
    assert receive(talk, json.dumps({"config": {**config, "words": True, "phrase_list": ["eof"]}})) == []
    assert task(receive(talk, b"\0\0")).options.listening.audio.rate == rate


@pytest.mark.parametrize("rate", [7999, 48001, "x", None, True, -16000, 16000.5, [16000], "1e999", "nan"])
def test_a_config_with_another_rate_is_hung_up_on(rate: Any) -> None:
    (answer,) = receive(started(), json.dumps({"config": {"sample_rate": rate}}))
    assert answer == HangUp(1003, "sample_rate must be between 8000 and 48000")


def test_a_config_that_is_no_object_is_hung_up_on() -> None:
    assert receive(started(), '{"config": 16000}') == [HangUp(1003, "config must be an object")]


def test_a_config_may_name_a_language_that_the_model_knows() -> None:
    talk = started()
    receive(talk, '{"config": {"language": "DE"}}')
    assert task(receive(talk, b"")).options.recognition.language.fixed == "de"
    assert task(receive(started(language="en"), b"")).options.recognition.language.fixed == "en"
    assert task(receive(started(), b"")).options.recognition.language.fixed is None
    foreign = receive(started(), '{"config": {"language": "xx"}}', b"")
    assert foreign == [HangUp(1003, "unsupported language: xx")]


def test_a_text_that_is_too_long_for_what_a_client_says_of_itself_is_not_read_nor_an_eof() -> None:
    config = json.dumps({"config": {"sample_rate": 8000, "phrase_list": ["Geoffrey"] * 1000}})
    talk = started()
    (answer,) = receive(talk, config)
    assert isinstance(answer, Refuse)
    assert task(receive(talk, b"")).options.listening.audio.rate == 16000


def test_a_config_after_audio_is_unknown() -> None:
    (answer,) = receive(started(), b"\0\0", '{"config": {"sample_rate": 8000}}')[2:]
    assert isinstance(answer, Refuse)


def test_with_keys_nothing_is_heard_before_one_of_them() -> None:
    for message in (b"\0\0", "eof", '{"Authorization": "wrong"}', '{"Authorization": 7}'):
        refusal, end = receive(started(keys=("me:eof-secret",)), message)
        assert isinstance(refusal, Refuse)
        assert (refusal.text, end) == ("Provided api key is invalid", HangUp(1008, "unauthorized"))
    talk = started(keys=("me:eof-secret",))
    assert receive(talk, '{"config": {"sample_rate": 8000}}') == []
    assert isinstance(receive(talk, "hello")[0], Refuse)
    assert receive(talk, '{"Authorization": "Bearer eof-secret"}') == [Alarm(None)]
    assert task(receive(talk, b"\0\0")).options.caller.key_name == "me"


def test_who_shows_no_key_in_time_is_told_as_who_shows_a_wrong_one() -> None:
    talk = started(keys=("me:secret",))
    assert list(talk.begin()) == [Alarm(10.0, strict=True)]
    assert receive(talk, '{"Authorization": "secret"}') == [Alarm(None)]
    late = started(keys=("me:secret",))
    refusal, end = late.send(TimedOut())
    assert isinstance(refusal, Refuse)
    assert (refusal.text, end) == ("Provided api key is invalid", HangUp(1008, "unauthorized"))
    assert receive(late, '{"Authorization": "secret"}', b"") == []


def test_a_key_of_the_upgrade_is_good_and_without_keys_any_is_ignored() -> None:
    known = started(keys=("me:secret",), key_name="me")
    assert list(known.begin()) == list(known.send(TimedOut())) == []
    assert isinstance(receive(known, b"")[0], Start)
    assert list(started().begin()) == []
    assert receive(started(), '{"Authorization": "of my eof"}') == []


def test_after_a_hang_up_nothing_is_heard() -> None:
    talk = started(keys=("me:secret",))
    receive(talk, b"\0\0")
    assert receive(talk, b"\0\0", '{"Authorization": "secret"}', "eof") == []


def sent(talk: LiveTranscription, event: Any) -> list[Any]:
    return [json.loads(str(each.text)) if isinstance(each, Reply) else each for each in talk.send(event)]


def test_a_partial_is_a_text_with_a_leading_space_or_nothing() -> None:
    assert sent(started(), PartialHeard(WORDS)) == [{"partial": " Das für"}]
    assert sent(started(), PartialHeard(())) == [{"partial": ""}]
    assert "für" in str(next(iter(started().send(PartialHeard(WORDS)))))


def test_a_final_has_its_words_with_times_and_confidence() -> None:
    assert sent(started(), FinalHeard(WORDS)) == [
        {
            "result": [
                {"conf": 0.8052, "start": 6.792, "end": 7.452, "word": "Das"},
                {"conf": 0.995533, "start": 7.452, "end": 7.832, "word": "für"},
            ],
            "text": " Das für",
        }
    ]


def test_after_eof_the_id_comes_next_and_nothing_before_it() -> None:
    talk = started()
    assert len(sent(talk, FinalHeard(WORDS))) == 1
    receive(talk, b"\0\0", "eof")
    assert sent(talk, PartialHeard(WORDS)) == []
    assert sent(talk, FinalHeard(WORDS)) == []
    assert list(talk.send(Exported(STREAM_ID))) == [Reply(STREAM_ID), HangUp()]


@pytest.mark.parametrize("by", ["setting", "client"])
def test_who_asks_for_them_gets_finals_after_eof_and_no_partials(by: str) -> None:
    talk = started(finals_after_eof=by == "setting")
    if by == "client":
        assert receive(talk, '{"config": {"finals_after_eof": true}}') == []
    receive(talk, b"\0\0", "eof")
    assert sent(talk, PartialHeard(WORDS)) == []
    assert len(sent(talk, FinalHeard(WORDS))) == 1


def test_a_client_may_do_without_the_finals_that_all_others_get() -> None:
    talk = started(finals_after_eof=True)
    receive(talk, '{"config": {"finals_after_eof": false}}', b"\0\0", "eof")
    assert sent(talk, FinalHeard(WORDS)) == []
    for wrong in ("1", '"yes"', "[]"):
        end = HangUp(1003, "finals_after_eof must be true or false")
        assert receive(started(), f'{{"config": {{"finals_after_eof": {wrong}}}}}') == [end]


def test_an_export_that_is_not_complete_is_told_by_the_close_after_the_id() -> None:
    ending = list(started().send(Exported(STREAM_ID, OverloadedError("no more room"))))
    assert ending == [Reply(STREAM_ID), HangUp(1013, "no more room")]


def test_a_failure_hangs_up() -> None:
    assert list(started().send(Failed(UnavailableError("gone")))) == [HangUp(1013, "gone")]


def test_the_upgrade_names_the_export() -> None:
    assert started().headers() == {"X-Transcription-Id": STREAM_ID}


@given(st.lists(st.one_of(st.text(max_size=40), st.binary(max_size=40), st.just("eof"), st.just('{"config":{}}'))))
def test_garbage_starts_one_task_at_most_and_ends_it_once(messages: list[Message]) -> None:
    commands = receive(started(), *messages)
    assert sum(isinstance(command, Start) for command in commands) <= 1
    assert sum(isinstance(command, EndOfAudio) for command in commands) <= 1
