"""What every protocol keeps to, whatever its clients send."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.config import settings
from frontend.dialogue.commands import Ask, Audio, Command, EndOfAudio, Flush, HangUp, Push, Refuse, Reply
from frontend.dialogue.messages import JsonMessage, Message
from frontend.errors import ProtocolError, UnauthorizedError
from frontend.media import json_audio
from frontend.protocols import PROTOCOLS, WEBSOCKETS
from frontend.protocols.base import WireProtocol, language_of, rate_of, understood
from frontend.protocols.endpoint import SpeechEndpoint
from frontend.protocols.live import LiveTranscription
from frontend.protocols.vosk import Vosk
from tests.frontend.conversations import context

garbage = st.one_of(
    st.text(max_size=50),
    st.binary(max_size=50),
    st.just("16000"),
    st.dictionaries(
        st.sampled_from(
            [
                "type",
                "audio",
                "language",
                "task",
                "api_key",
                "machine_id",
                "postprocess",
                "config",
                "session",
                "event_id",
            ]
        ),
        st.one_of(
            st.sampled_from(["stream", "stop", "file", "ping", "transcribe", "en", "auto", "AAAA", "\ud800"]),
            st.sampled_from(
                ["session.update", *(f"input_audio_buffer.{each}" for each in ("append", "commit", "clear"))]
            ),
            st.dictionaries(st.sampled_from(["type", "audio", "include"]), st.just("transcription")),
            st.none(),
            st.booleans(),
            st.integers(),
            st.lists(st.integers(), max_size=2),
        ),
    ).map(json.dumps),
)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.profile.name)
@given(messages=st.lists(garbage, max_size=20))
def test_garbage_never_raises_and_lock_step_clients_get_one_answer_a_message(
    protocol: type[WireProtocol], messages: list[str | bytes]
) -> None:
    conversation = protocol(context())
    list(conversation.begin())
    for message in messages:
        commands = understood(conversation, as_read(protocol, message))
        for text in (command.text for command in commands if isinstance(command, Reply | Refuse | Push)):
            text.encode()  # what the client is told can be written
        if protocol.profile.lock_step and not is_opening(protocol, message):
            assert sum(map(is_answer, commands)) == 1
        if any(isinstance(one, HangUp | EndOfAudio) for one in commands):
            break


def is_answer(command: Command) -> bool:
    """The end of the audio, and what is asked to be known at once, are answered when everything before is known."""
    is_audio = isinstance(command, Audio) and command.answered
    return is_audio or isinstance(command, Reply | Refuse | HangUp | Ask | Flush | EndOfAudio)


def is_opening(protocol: type[WireProtocol], message: str | bytes) -> bool:
    """What a client says of its audio before it sends any, which has no answer."""
    return protocol is Vosk and isinstance(message, str) and '"config"' in message


def as_read(protocol: type[WireProtocol], message: str | bytes) -> Message:
    """As the session hands it over."""
    data = message.encode(errors="surrogatepass") if isinstance(message, str) else message
    if ("text" if isinstance(message, str) else "binary") not in protocol.profile.json_frames:
        return message
    opened = json_audio.opened(data)
    return JsonMessage(opened.fields, opened.error, opened.audio, opened.audio_error)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.profile.name)
def test_a_profile_names_a_limit_that_is_a_setting_and_a_path_of_its_own(protocol: type[WireProtocol]) -> None:
    assert protocol.profile.message_limit in {field.name for field in dataclasses.fields(settings.Limits)}
    assert protocol.profile.path.startswith("/") is (protocol in WEBSOCKETS)
    assert [other for other in PROTOCOLS if other.profile.path == protocol.profile.path] == [protocol]
    assert [other for other in PROTOCOLS if other.profile.name == protocol.profile.name] == [protocol]


@pytest.mark.parametrize(("value", "rate"), [(8000, 8000), (48_000.0, 48_000), ("16000", 16_000)])
def test_a_rate_is_a_number_however_it_is_written(value: Any, rate: int) -> None:
    assert rate_of(value) == rate


@pytest.mark.parametrize("value", [7999, 48_001, 16_000.5, True, None, "x", "nan", "-inf", 10**400, [16_000]])
def test_what_is_no_rate_is_refused(value: Any) -> None:
    with pytest.raises(ProtocolError, match="sample_rate"):
        rate_of(value)


def test_a_language_is_one_that_the_models_know_however_it_is_written() -> None:
    assert language_of(" EN\n", ("de", "en")) == "en"
    for value in ("xx", "", 1, None):
        with pytest.raises(ProtocolError, match="language"):
            language_of(value, ("de", "en"))


class Confused(LiveTranscription):
    """It stumbles over every message, and has no words of its own for that."""

    def __init__(self, error: Exception) -> None:
        super().__init__(context())
        self._error = error

    def receive(self, message: Message) -> Iterator[Command]:
        yield Reply("half of an answer")
        raise self._error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("of a secret"), HangUp(ProtocolError.close_code, "the message cannot be understood")),
        (UnauthorizedError("unauthorized"), HangUp(UnauthorizedError.close_code, "unauthorized")),
    ],
)
def test_what_is_not_understood_is_refused_whole_and_nothing_of_the_client_is_repeated(
    error: Exception, expected: HangUp
) -> None:
    assert understood(Confused(error), "x") == [expected]


def test_a_protocol_adds_nothing_of_its_own_to_the_upgrade_unless_it_says_so() -> None:
    assert dict(SpeechEndpoint(context()).headers()) == {}
