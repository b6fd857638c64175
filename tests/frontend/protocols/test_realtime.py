"""A session of the Realtime API, fed with what a stream tells: which item each event is about, and in which order."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.dialogue.commands import Audio, Command, Flush, HangUp, Refuse, Reply, Start
from frontend.dialogue.events import Event, Failed, FinalHeard, SpeechStarted, SpeechStopped
from frontend.errors import UnavailableError
from frontend.protocols.realtime import Realtime
from frontend.speech import Word
from tests.frontend.conversations import context
from tests.frontend.protocols.test_base import as_read

TRANSCRIPTION = "conversation.item.input_audio_transcription."
SECOND = base64.b64encode(bytes(48_000)).decode()
APPEND = {"type": "input_audio_buffer.append", "audio": SECOND}
COMMIT, CLEAR = {"type": "input_audio_buffer.commit"}, {"type": "input_audio_buffer.clear"}
BY_CLIENT = {"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}}


def final(text: str, end_seconds: float, ends: bool = True, forced: bool = False) -> FinalHeard:
    words = tuple(Word(f" {word}", end_seconds - 0.5, end_seconds, 0.9) for word in text.split())
    return FinalHeard(words, end_seconds, ends, forced, "en")


class Session:
    def __init__(self, *events: dict[str, Any]) -> None:
        self.protocol = Realtime(context())
        self.commands: list[Command] = list(self.protocol.begin())
        self.send(*events)

    def send(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.commands += self.protocol.receive(as_read(Realtime, json.dumps(event)))

    def hear(self, *events: Event) -> None:
        for event in events:
            self.commands += self.protocol.send(event)

    @property
    def told(self) -> list[dict[str, Any]]:
        """Since it was last looked."""
        texts = [each.text for each in self.commands if isinstance(each, Reply | Refuse)]
        self.commands.clear()
        return [json.loads(str(text)) for text in texts]


def kinds(told: Sequence[dict[str, Any]]) -> list[str]:
    return [each["type"].removeprefix(TRANSCRIPTION).removeprefix("input_audio_buffer.") for each in told]


def items(told: Sequence[dict[str, Any]], kind: str) -> list[str]:
    return [each["item_id"] for each in told if each["type"].endswith(kind)]


ITEM = ["committed", "conversation.item.added", "conversation.item.done"]


def test_an_utterance_that_goes_on_is_told_in_parts_and_then_whole() -> None:
    session = Session(APPEND)
    session.hear(SpeechStarted(0.5, 0.2), final("one two", 6.0, ends=False), SpeechStopped(8.0), final("three", 8.0))
    told = session.told
    words = ["delta", "segment"]
    assert kinds(told) == ["session.created", "speech_started", *words, "speech_stopped", *ITEM, *words, "completed"]
    assert [each["delta"] for each in told if "delta" in each] == ["one two", " three"]
    assert (told[-1]["transcript"], told[-1]["usage"]["seconds"]) == ("one two three", 7.8)
    assert len({each["item_id"] for each in told if "item_id" in each}) == 1
    assert len({each["event_id"] for each in told}) == len(told)


def test_a_click_is_an_item_without_words() -> None:
    session = Session(APPEND)
    session.hear(SpeechStarted(0.5, 0.2), SpeechStopped(1.0), FinalHeard((), 1.0))
    assert session.told[-1]["transcript"] == ""


def test_what_the_client_commits_is_an_item_at_once_and_known_when_it_was_heard() -> None:
    session = Session(BY_CLIENT, APPEND, COMMIT, APPEND, COMMIT)
    assert [type(each) for each in session.commands if isinstance(each, Start | Audio | Flush)] == [
        *(Start, Audio, Flush),
        *(Audio, Flush),
    ]
    told = session.told
    assert kinds(told) == ["session.created", "session.updated", *ITEM, *ITEM]
    one, two = items(told, ".committed")
    session.hear(final("one", 0.5), final("two", 1.0, forced=True), final("", 2.0, forced=True))
    told = session.told
    assert kinds(told) == ["delta", "segment", "delta", "segment", "completed", "completed"]
    assert [(each["item_id"], each["transcript"]) for each in told if "transcript" in each] == [
        (one, "one two"),
        (two, ""),
    ]
    assert [each["usage"]["seconds"] for each in told if "usage" in each] == [1.0, 1.0]


def test_words_before_a_commit_belong_to_it() -> None:
    session = Session(BY_CLIENT, APPEND)
    session.hear(final("one", 0.5))
    session.send(COMMIT)
    told = session.told
    assert items(told, ".delta") == items(told, ".committed")


def test_an_open_turn_that_the_client_commits_is_an_item_when_it_was_heard() -> None:
    session = Session(APPEND)
    session.hear(SpeechStarted(0.5, 0.2))
    session.send(COMMIT)
    session.hear(final("one", 1.0, forced=True), SpeechStarted(1.5, 1.2))
    told = session.told
    assert kinds(told)[1:] == ["speech_started", *ITEM, "delta", "segment", "completed", "speech_started"]
    started, next_started = items(told, ".speech_started")
    assert items(told, ".committed") == items(told, ".completed") == [started]
    assert next_started != started


@pytest.mark.parametrize("before", [(), (BY_CLIENT,)])
def test_what_is_cleared_is_told_to_nobody(before: Sequence[dict[str, Any]]) -> None:
    session = Session(*before, APPEND, CLEAR, APPEND, COMMIT)
    session.hear(final("secret", 1.0, forced=True), final("open", 2.0, forced=True))
    told = session.told
    assert [each["transcript"] for each in told if "transcript" in each] == ["open"]
    assert "secret" not in str(told)
    assert "cleared" in kinds(told)


def test_too_little_is_no_item() -> None:
    session = Session(COMMIT, APPEND, COMMIT, COMMIT)
    told = session.told
    assert [each["error"]["code"] for each in told if "error" in each] == ["input_audio_buffer_commit_empty"] * 2
    session.send(APPEND)
    session.hear(SpeechStarted(0.5, 0.2), SpeechStopped(1.95))
    session.send(COMMIT)
    assert session.told[-1]["error"]["message"] == "the buffer holds 50 ms, less than 100 ms"


def test_where_the_models_fail_each_item_that_waits_is_told_so() -> None:
    session = Session(BY_CLIENT, APPEND, COMMIT, APPEND, CLEAR)
    session.hear(Failed(UnavailableError("the models do not answer")))
    assert session.commands[-1] == HangUp(1013, "the models do not answer")
    told = session.told
    assert items(told, ".failed") == items(told, ".committed")
    *_, failed, error = told
    assert failed["error"]["message"] == error["error"]["message"] == "the models do not answer"
    assert error["error"]["type"] == "server_error"


def test_what_is_no_event_is_an_error_and_the_session_goes_on() -> None:
    session = Session(BY_CLIENT)
    session.commands.clear()
    append = '{"type": "input_audio_buffer.append"'
    for message in ("x", "[1]", b"\0", append + "}", append + ', "audio": "?"}'):
        session.commands += session.protocol.receive(as_read(Realtime, message))
    session.send(APPEND, COMMIT)
    *errors, committed, _, _ = session.told
    assert [each["error"]["message"] for each in errors] == [
        *("invalid JSON", "the message is not a JSON object", "send events as text"),
        *("audio must be a string of base64", "audio is not valid base64"),
    ]
    assert committed["type"] == "input_audio_buffer.committed"


def test_once_the_audio_has_begun_nothing_can_be_set_that_would_change_how_it_is_heard() -> None:
    session = Session(APPEND)
    session.commands.clear()
    session.send(BY_CLIENT, {"type": "session.update", "session": {"include": []}})
    refused, updated = session.told
    assert refused["error"]["param"] == "session"
    assert updated["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"


@given(
    steps=st.lists(st.sampled_from(["append", "commit", "clear", "turn", "forced"]), max_size=30),
    by_client=st.booleans(),
)
def test_each_item_that_is_committed_is_completed_once_and_no_other_is(steps: list[str], by_client: bool) -> None:
    session = Session(*[BY_CLIENT] * by_client)
    asked = answered = 0
    for step in [*steps, *["forced"] * 30]:
        before = sum(isinstance(each, Flush) for each in session.commands)
        if step in ("append", "commit", "clear"):
            session.send({"append": APPEND, "commit": COMMIT, "clear": CLEAR}[step])
        elif step == "turn" and not by_client:
            session.hear(SpeechStarted(0.5, 0.2), SpeechStopped(0.9), final("turn", 0.9))
        elif step == "forced" and answered < asked:
            answered += 1
            session.hear(final("forced", 1.0, forced=True))
        asked += sum(isinstance(each, Flush) for each in session.commands) - before
    told = session.told
    completed = items(told, ".completed")
    assert sorted(completed) == sorted(items(told, ".committed"))
    assert len(set(completed)) == len(completed)
