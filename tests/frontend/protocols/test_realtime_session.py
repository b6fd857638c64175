"""What a session may be set to, and what of it cannot be."""

from typing import Any

import pytest

from frontend.config.services import OpenAI
from frontend.errors import ClientError, FieldError, UnknownModelError
from frontend.media.stream import AudioFormat
from frontend.protocols.realtime_session import Known, RealtimeSession
from frontend.tasks.live.options import Turns
from tests.frontend.fakes import RECOGNISER

KNOWN = Known(OpenAI().models, RECOGNISER)
USUAL = RealtimeSession.of("whisper-1")


def heard(**audio: Any) -> dict[str, Any]:
    return {"type": "transcription", "audio": {"input": audio}}


def test_what_is_not_named_stays() -> None:
    session = USUAL.changed(heard(transcription={"language": "de"}), KNOWN)
    session = session.changed(heard(transcription={"model": "gpt-transcribe"}, turn_detection=None), KNOWN)
    session = session.changed({}, KNOWN).changed(heard(format={"type": "audio/pcma"}), KNOWN)
    assert session.transcription == {"model": "gpt-transcribe", "language": "de", "prompt": ""}
    assert (session.turn_detection, session.format) == (None, "audio/pcma")


def test_a_session_becomes_what_was_told_of_it() -> None:
    session = USUAL.changed(
        heard(
            transcription={"language": "de", "languages": ["de", "en"], "prompt": "Zahlen", "delay": "low"},
            turn_detection={"type": "semantic_vad", "eagerness": "high"},
            noise_reduction={"type": "far_field"},
            format={"type": "audio/pcmu"},
        ),
        KNOWN,
    )
    session = session.changed({"include": ["item.input_audio_transcription.logprobs"]}, KNOWN)
    assert USUAL.changed(session.told("sess_1"), KNOWN) == session
    assert session.logprobs


def test_turns_are_the_clients_or_the_servers() -> None:
    mine = USUAL.changed(heard(turn_detection=None), KNOWN).wishes
    assert (mine.turns, mine.silence_seconds, mine.partials) == (None, None, False)
    vad = {"type": "server_vad", "threshold": 0.7, "silence_duration_ms": 250, "prefix_padding_ms": 100}
    theirs = USUAL.changed(heard(turn_detection=vad), KNOWN).wishes
    assert (theirs.silence_seconds, theirs.lead_in_seconds, theirs.speech_probability) == (0.25, 0.1, 0.7)
    assert theirs.turns == Turns()
    silences = [
        USUAL.changed(heard(turn_detection={"type": "semantic_vad", "eagerness": each}), KNOWN).wishes.silence_seconds
        for each in ("high", "auto", "low")
    ]
    assert silences == sorted(silences, key=str)
    assert len(set(silences)) == 3


@pytest.mark.parametrize(
    ("audio", "expected", "bytes_per_second"),
    [
        ({"type": "audio/pcm", "rate": 24000}, AudioFormat(24000), 48_000),
        ({"type": "audio/pcmu"}, AudioFormat(8000, "mulaw"), 8000),
        ({"type": "audio/pcma"}, AudioFormat(8000, "alaw"), 8000),
    ],
)
def test_audio_comes_in_three_formats(audio: dict[str, Any], expected: AudioFormat, bytes_per_second: int) -> None:
    session = USUAL.changed(heard(format=audio), KNOWN)
    assert (session.wishes.audio, session.bytes_per_second) == (expected, bytes_per_second)


def test_one_language_among_those_that_are_possible_is_the_language() -> None:
    assert USUAL.changed(heard(transcription={"languages": ["de"]}), KNOWN).wishes.language == "de"
    assert USUAL.changed(heard(transcription={"languages": ["de", "en"]}), KNOWN).wishes.language is None


@pytest.mark.parametrize(
    ("update", "field"),
    [
        (None, "session"),
        ({"type": "realtime"}, "session.type"),
        ({"audio": []}, "session.audio"),
        ({"audio": {"input": 1}}, "session.audio.input"),
        (heard(format="pcm16"), "session.audio.input.format"),
        (heard(format={"type": ["audio/pcm"]}), "session.audio.input.format.type"),
        (heard(format={"type": "audio/pcm", "rate": 16000}), "session.audio.input.format.rate"),
        (heard(transcription=None), "session.audio.input.transcription"),
        (heard(transcription={"model": 1}), "session.audio.input.transcription.model"),
        (heard(transcription={"language": "xx"}), "session.audio.input.transcription.language"),
        (heard(transcription={"language": False}), "session.audio.input.transcription.language"),
        (heard(transcription={"languages": 0}), "session.audio.input.transcription.languages"),
        (
            heard(turn_detection={"type": "semantic_vad", "eagerness": ""}),
            "session.audio.input.turn_detection.eagerness",
        ),
        (heard(transcription={"languages": "de"}), "session.audio.input.transcription.languages"),
        (heard(transcription={"languages": ["de", {}]}), "session.audio.input.transcription.languages"),
        (heard(transcription={"prompt": 1}), "session.audio.input.transcription.prompt"),
        (heard(transcription={"keywords": ["x"]}), "session.audio.input.transcription.keywords"),
        (heard(transcription={"delay": {}}), "session.audio.input.transcription.delay"),
        (heard(noise_reduction={"type": "none"}), "session.audio.input.noise_reduction.type"),
        (heard(turn_detection={"type": "client_vad"}), "session.audio.input.turn_detection.type"),
        (heard(turn_detection={"threshold": True}), "session.audio.input.turn_detection.threshold"),
        (heard(turn_detection={"silence_duration_ms": -1}), "session.audio.input.turn_detection.silence_duration_ms"),
        (
            heard(turn_detection={"type": "semantic_vad", "eagerness": 1}),
            "session.audio.input.turn_detection.eagerness",
        ),
        ({"include": "logprobs"}, "session.include"),
        ({"include": ["everything"]}, "session.include"),
    ],
)
def test_what_cannot_be_is_told_with_its_name(update: Any, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        USUAL.changed(update, KNOWN)
    assert refused.value.field == field


def test_a_model_that_is_not_known_is_told_as_such() -> None:
    with pytest.raises(UnknownModelError) as refused:
        USUAL.changed(heard(transcription={"model": "gpt-9"}), KNOWN)
    assert isinstance(refused.value, ClientError)
    assert "gpt-9" in str(refused.value)
