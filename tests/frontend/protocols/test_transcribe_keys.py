"""`/ws/transcribe` where keys are needed: its clients put theirs beside what they ask for."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from frontend.caller import Caller
from frontend.config import settings
from frontend.dialogue.commands import Alarm, Ask, Command, HangUp, Refuse, Reply
from frontend.dialogue.events import TimedOut
from frontend.dialogue.messages import JsonMessage
from frontend.protocols.transcribe import Transcribe
from tests.frontend.conversations import context
from tests.frontend.fakes import visit_of

ASKED = {"type": "transcribe"}
KEYED = settings.Settings(keys=settings.Keys(("alice:secret",)))


def answers(*messages: dict[str, Any] | bytes) -> list[Any]:
    """What each message is answered with at once: JSON, `...` for a job, None for nothing, or the close code."""
    conversation, told = Transcribe(context(KEYED)), []
    for message in messages:
        understood = message if isinstance(message, bytes) else JsonMessage(message)
        told.append(next(shown(list(conversation.receive(understood))), None))
    return told


def shown(commands: list[Command]) -> Iterator[Any]:
    for command in commands:
        if isinstance(command, Reply | Refuse):
            yield json.loads(command.text.encode())
        elif isinstance(command, HangUp):
            yield command.code
        elif isinstance(command, Ask):
            yield ...


@pytest.mark.parametrize("key", ["wrong", "", None, 5, "secret "])
def test_without_a_valid_key_the_recording_is_swallowed_before_the_end(key: Any) -> None:
    metadata = {"type": "transcribe", "api_key": key}
    assert answers(metadata, {"type": "ping"}, ASKED, b"x") == [
        {"error": "unauthorized"},
        {"type": "pong", "status": "ok"},
        None,
        1008,
    ]


def test_with_a_valid_key_it_goes_on() -> None:
    assert answers({"type": "transcribe", "api_key": "secret"}, b"x") == [None, ...]
    assert answers({"type": "ping"}) == [{"type": "pong", "status": "ok"}]


def test_who_has_a_wrong_key_has_ten_seconds_to_send_the_recording_whatever_else_comes() -> None:
    conversation = Transcribe(context(KEYED))
    assert list(conversation.receive(JsonMessage(ASKED)))[-1] == Alarm(10.0, strict=True)
    for message in ({"type": "ping"}, ASKED):
        assert not any(isinstance(each, Alarm) for each in conversation.receive(JsonMessage(message)))
    assert list(conversation.send(TimedOut())) == [HangUp(1008, "unauthorized")]


def test_who_shows_no_key_has_ten_seconds_whatever_else_comes_and_who_says_nothing_a_minute() -> None:
    conversation = Transcribe(context(KEYED))
    assert list(conversation.begin()) == [Alarm(10.0, strict=True)]
    for message in (JsonMessage({"type": "ping"}), JsonMessage({"type": "x"}), b"x"):
        assert not any(isinstance(each, Alarm) for each in conversation.receive(message))
    assert list(shown(list(conversation.send(TimedOut())))) == [{"error": "unauthorized"}, 1008]
    conversation = Transcribe(context(KEYED))
    assert list(conversation.receive(JsonMessage(ASKED | {"api_key": "secret"})))[-1] == Alarm(60.0)
    assert list(conversation.send(TimedOut())) == [HangUp(1000, "nothing came for too long")]


def test_a_key_of_the_upgrade_is_good_and_the_one_in_the_message_is_not_looked_at() -> None:
    known = dataclasses.replace(
        context(KEYED), visit=visit_of(Caller("cafe0123", "127.0.0.1", "alice"), ["alice:secret"])
    )
    conversation = Transcribe(known)
    assert list(conversation.begin()) == [Alarm(60.0)]
    assert list(conversation.receive(JsonMessage(ASKED | {"api_key": "wrong"}))) == [Alarm(60.0)]
