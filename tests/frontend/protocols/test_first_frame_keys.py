"""A port that no protocol owns, where keys are needed: only who shows one may choose."""

import dataclasses

import pytest

from frontend.caller import Caller
from frontend.config import settings
from frontend.dialogue.commands import Alarm, HangUp
from frontend.dialogue.events import TimedOut
from frontend.protocols.base import Context
from frontend.protocols.first_frame import FirstFrame
from frontend.protocols.live import LiveTranscription
from frontend.protocols.whisper import Whisper
from tests.frontend.conversations import context
from tests.frontend.fakes import visit_of
from tests.frontend.scripted_socket import raw

KEYED = settings.Settings(keys=settings.Keys(("alice:secret",)))
WHISPERS = raw('{"type": "stop"}')


def known() -> Context:
    bare = context(KEYED)
    return dataclasses.replace(bare, visit=visit_of(Caller("cafe0123", "127.0.0.1", "alice"), ["alice:secret"]))


@pytest.mark.parametrize(
    ("made", "protocol"), [(context(), Whisper), (known(), Whisper), (context(KEYED), LiveTranscription)]
)
def test_without_a_key_there_is_only_live_where_it_comes_in_a_message(made: Context, protocol: type) -> None:
    assert isinstance(FirstFrame(made).settled(WHISPERS), protocol)


def test_who_says_nothing_is_told_that_the_key_is_missing() -> None:
    conversation = FirstFrame(context(KEYED))
    assert list(conversation.begin()) == [Alarm(10.0, strict=True)]
    assert list(conversation.send(TimedOut()))[-1] == HangUp(1008, "unauthorized")
    assert list(FirstFrame(known()).begin()) == []


def test_a_first_frame_without_a_key_gives_no_more_time_for_one() -> None:
    conversation = FirstFrame(context(KEYED))
    list(conversation.begin())
    assert list(conversation.settled(WHISPERS).begin()) == []
