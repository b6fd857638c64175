"""The voice protocols as pure machines: tables of conversations."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from frontend.dialogue.commands import Audio, Command, Refuse, Reply, Start
from frontend.dialogue.events import Failed, VoiceVerified
from frontend.dialogue.messages import Message
from frontend.errors import AudioError
from frontend.protocols.base import WireProtocol, understood
from frontend.protocols.endpoint import SpeechEndpoint, SpeechEndpointOpus
from frontend.protocols.summary import SpeechSummaryStream, SpeechSummaryStreamOpus
from frontend.protocols.verify import VoiceVerifyStream, VoiceVerifyStreamOpus
from frontend.tasks.endpoint import DetectEndpoint
from frontend.tasks.voice import VerifyVoice
from frontend.voice_template import save
from tests.frontend.conversations import context
from tests.frontend.fakes import VOICE

TEMPLATE = save(VOICE)
FOREIGN = save(dataclasses.replace(VOICE, manifest=dataclasses.replace(VOICE.manifest, identity="11" * 16)))


def started(protocol: type[WireProtocol]) -> WireProtocol:
    return protocol(context())


def receive(conversation: WireProtocol, message: Message) -> Sequence[Command]:
    return understood(conversation, message)


def answers(protocol: type[WireProtocol], *messages: Message) -> list[Any]:
    """What each message is answered with at once; audio that was accepted shows as `...`."""
    conversation, shown = started(protocol), []
    for message in messages:
        last = receive(conversation, message)[-1]
        shown.append(last.text if isinstance(last, Reply | Refuse) else ...)
    return shown


@pytest.mark.parametrize(
    ("protocol", "messages", "expected"),
    [
        (SpeechEndpoint, ["100", "500", "16000", b""], ["200", "200", "200", ...]),
        (SpeechEndpoint, [" 100\n", "5e2", "16000.0", b"\0"], ["200", "200", "200", ...]),
        (SpeechEndpoint, ["0", "0", "8000"], ["200", "200", "200"]),
        (SpeechEndpoint, ["x", "100", "500", "16000"], ["500", "200", "200", "200"]),
        (SpeechEndpoint, ["100", b"\0\0", "500", "16000"], ["200", "500", "200", "200"]),
        (SpeechEndpoint, ["1", "1", "16000", "1", b"", "1", b""], ["200", "200", "200", "500", ..., "500", ...]),
        (SpeechSummaryStream, ["7999", "96001", "16000.5", "96000"], ["500", "500", "500", "200"]),
        (SpeechSummaryStream, ["22050", b"", "22050"], ["200", ..., "500"]),
        (SpeechSummaryStreamOpus, ["22050", "44100", "48000"], ["500", "500", "200"]),
        (SpeechEndpointOpus, ["1", "1", "11025", "12000", b""], ["200", "200", "500", "200", ...]),
        (VoiceVerifyStream, [TEMPLATE, "8000", "3", b""], ["200", "200", "200", ...]),
        (VoiceVerifyStream, [f'"{TEMPLATE}"\n', "8000", "3"], ["200", "200", "200"]),
        (VoiceVerifyStream, [FOREIGN, TEMPLATE[:-8], "", TEMPLATE], ["500", "500", "500", "200"]),
        (VoiceVerifyStream, [TEMPLATE, "8000", "0", "0.4", "601", "600"], ["200", "200", "500", "500", "500", "200"]),
        (VoiceVerifyStream, [TEMPLATE, "8000", "5", "2", b"", "1"], ["200", "200", "200", "200", ..., "500"]),
        (VoiceVerifyStream, [TEMPLATE, "8000", "5", "6", "0.4", "5"], ["200", "200", "200", "500", "500", "200"]),
        (VoiceVerifyStreamOpus, [TEMPLATE, "44100", "24000", "3", b"x"], ["200", "500", "200", "200", ...]),
    ],
)
def test_a_conversation(protocol: type[WireProtocol], messages: list[Message], expected: list[Any]) -> None:
    assert answers(protocol, *messages) == expected


@pytest.mark.parametrize("text", ["", " ", "nan", "inf", "1e999", "-1", "-0.1", "1_000", "0x10", "١٦", "1 2", "1" * 65])
@pytest.mark.parametrize("protocol", [SpeechEndpoint, SpeechSummaryStream])
def test_what_is_not_a_number_is_refused(protocol: type[WireProtocol], text: str) -> None:
    assert answers(protocol, text) == ["500"]


@pytest.mark.parametrize("bad", [b"\x00\x01", "16000"])
def test_audio_starts_the_task_once_with_what_was_asked(bad: Message) -> None:
    conversation = started(SpeechEndpoint)
    for parameter in ("250", "700", "44100"):
        receive(conversation, parameter)
    start, audio = receive(conversation, b"ab")
    assert isinstance(start, Start)
    assert isinstance(start.task, DetectEndpoint)
    assert (start.task.options.min_speech_ms, start.task.options.silence_ms) == (250, 700)
    assert start.task.listening.audio.rate == 44100
    assert audio == Audio(b"ab")
    assert receive(conversation, b"cd") == (Audio(b"cd"),)


@pytest.mark.parametrize(
    ("seconds", "context", "window"), [(["5"], 5, 3), (["2"], 2, 2), (["10", "1.5"], 10, 1.5), (["5", "5"], 5, 5)]
)
def test_the_third_parameter_is_the_memory_and_a_fourth_the_window(
    seconds: list[str], context: float, window: float
) -> None:
    conversation = started(VoiceVerifyStream)
    for parameter in (TEMPLATE, "8000", *seconds):
        receive(conversation, parameter)
    start = receive(conversation, b"")[0]
    assert isinstance(start, Start)
    assert isinstance(start.task, VerifyVoice)
    assert (start.task.options.context_seconds, start.task.options.window_seconds) == (context, window)


def test_a_failure_is_told_as_500_with_its_reason_for_the_log() -> None:
    error = AudioError("the Opus packet does not decode")
    assert list(started(VoiceVerifyStream).send(Failed(error))) == [Refuse("500", error)]
    assert list(started(VoiceVerifyStream).send(VoiceVerified(()))) == [Reply("[]")]
