"""`/ws/transcribe`, line by line of what its clients know: scripted models, the real decoder."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend.config import services, settings
from frontend.dialogue.commands import Alarm, Command, HangUp, Refuse, Reply
from frontend.dialogue.messages import JsonMessage
from frontend.errors import UnavailableError
from frontend.protocols.transcribe import Transcribe
from frontend.telemetry.joining import Joined
from frontend.telemetry.metrics import MOST_MACHINES, Metrics, RequestEnded
from tests.frontend.conversations import context, talking
from tests.frontend.fakes import spoken
from tests.sounds import wav, wav_claiming

SPEECH = spoken((0.2, 0.6), (0.8, 1.2), seconds=1.6)
WAV = wav(SPEECH)
ASKED = {"type": "transcribe"}
KEYED = settings.Settings(keys=settings.Keys(("alice:secret",)))
TEXT = "word0 word1"
KEYS = ["text", "segments", "language", "postprocessed_text", "postprocess_ms", "postprocess_error"]


def told(*messages: dict[str, Any] | bytes) -> list[Any]:
    """What each message is answered with at once: JSON, `...` for a job, None for nothing, or the close code."""
    conversation, shown = Transcribe(context()), []
    for message in messages:
        understood = message if isinstance(message, bytes) else JsonMessage(message)
        shown.append(next(_shown(list(conversation.receive(understood))), None))
    return shown


def _shown(commands: list[Command]) -> Iterator[Any]:
    for command in commands:
        if isinstance(command, Reply | Refuse):
            yield json.loads(command.text.encode())
        elif isinstance(command, HangUp):
            yield command.code
        elif type(command).__name__ == "Ask":
            yield ...


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"type": "ping"}], [{"type": "pong", "status": "ok"}]),
        ([ASKED, b"x"], [None, ...]),
        ([ASKED, {"type": "ping"}, b"x"], [None, {"type": "pong", "status": "ok"}, ...]),
        ([b"x", ASKED, b"x", b"x"], [{"error": "expected metadata"}, None, ..., {"error": "expected metadata"}]),
        ([{"type": "nonsense"}, b"x", ASKED, b"x"], [{"error": "unknown type"}, None, None, ...]),
        ([{}, b"x", b"x"], [{"error": "unknown type"}, None, {"error": "expected metadata"}]),
        ([{}, ASKED, b"x"], [{"error": "unknown type"}, None, ...]),
        ([ASKED, {"type": "transcribe", "language": "xx"}, b"x"], [None, {"error": "unsupported language: xx"}, None]),
        ([{"type": "transcribe", "language": "DE"}, b"x"], [None, ...]),
        ([{"type": "transcribe", "language": "auto"}, b"x"], [None, ...]),
        ([{"type": "transcribe", "language": None, "postprocess": None}, b"x"], [None, ...]),
        ([{"type": "transcribe", "language": 5}], [{"error": "language must be a language code or null"}]),
        ([{"type": "transcribe", "language": False}], [{"error": "language must be a language code or null"}]),
        ([{"type": "transcribe", "language": []}], [{"error": "language must be a language code or null"}]),
        ([{"type": "transcribe", "task": "sing"}], [{"error": "task must be transcribe or translate"}]),
        ([{"type": "transcribe", "task": ["x"]}], [{"error": "task must be transcribe or translate"}]),
        ([{"type": "transcribe", "postprocess": 1}], [{"error": "postprocess must be true, false or null"}]),
        ([{"type": "transcribe", "machine_id": 1}], [{"error": "machine_id must be a string"}]),
        ([{"type": "transcribe", "api_key": "whatever"}, b"x"], [None, ...]),
    ],
)
def test_a_conversation(messages: list[dict[str, Any] | bytes], expected: list[Any]) -> None:
    assert told(*messages) == expected


@pytest.mark.parametrize("error", ["invalid JSON", "the message is not a JSON object"])
def test_what_is_no_json_object_is_invalid_json(error: str) -> None:
    conversation = Transcribe(context())
    assert list(_shown(list(conversation.receive(JsonMessage(None, error))))) == [{"error": "invalid json"}]


def test_no_time_is_counted_while_the_client_waits() -> None:
    conversation = Transcribe(context())
    list(conversation.receive(JsonMessage(ASKED)))
    assert list(conversation.receive(b"x"))[-1] == Alarm(None)


async def test_one_connection_transcribes_one_recording_after_another(tmp_path: Path) -> None:
    async with talking(Transcribe, tmp_path) as talk:
        talk.send(ASKED, WAV, {"type": "transcribe", "language": "de", "task": "translate"}, WAV)
        first, second = await talk.hear(2)
        assert list(first) == list(second) == KEYS
        assert (first["text"], first["language"], second["language"]) == (TEXT, "en", "de")
        assert [segment["text"] for segment in first["segments"]] == [TEXT]
        assert list(first["segments"][0]) == ["text", "start", "end"]
        assert [first[key] for key in KEYS[3:]] == [None, 0, None]
        assert [decoding.task for decoding in talk.speech.decodings] == ["transcribe", "translate"]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
async def test_every_kind_of_wav_is_understood(tmp_path: Path, subtype: str, container: str) -> None:
    loud = (SPEECH.astype(int) * 16).clip(-32768, 32767).astype(np.int16)  # heard in 8 bits as well
    async with talking(Transcribe, tmp_path) as talk:
        talk.send(ASKED, wav(loud, 16000, subtype, container))
        (answer,) = await talk.hear(1)
        assert list(answer) == KEYS


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF])
async def test_a_streamed_wav_is_read_to_its_end(tmp_path: Path, claimed: int) -> None:
    async with talking(Transcribe, tmp_path) as talk:
        talk.send(ASKED, wav_claiming(SPEECH, claimed))
        assert (await talk.hear(1))[0]["text"] == TEXT


@pytest.mark.parametrize("broken", [b"", b"RIFF", WAV[:30], b"OggS" + bytes(100), wav(SPEECH[:0]), b"x" * 300_000])
async def test_what_is_no_wav_is_an_error_and_the_conversation_goes_on(tmp_path: Path, broken: bytes) -> None:
    async with talking(Transcribe, tmp_path) as talk:
        talk.send(ASKED, broken, ASKED, WAV)
        error, answer = await talk.hear(2)
        assert list(error) == ["error"]
        assert error["error"].startswith("invalid audio: ")
        assert answer["text"] == TEXT


async def test_silence_is_a_success_without_words(tmp_path: Path) -> None:
    async with talking(Transcribe, tmp_path) as talk:
        talk.send(ASKED, wav(np.zeros(32000, np.int16)))
        (answer,) = await talk.hear(1)
        assert (answer["text"], answer["segments"], answer["language"]) == ("", [], "en")


async def test_models_that_fail_cost_that_recording(tmp_path: Path) -> None:
    async with talking(Transcribe, tmp_path) as talk:
        talk.speech.failing = 1
        talk.send(ASKED, WAV, ASKED, WAV)
        error, answer = await talk.hear(2)
        assert error == {"error": "the models do not answer"}
        assert answer["text"] == TEXT


class ScriptedPostprocessor:
    def __init__(self, failing: bool = False, configured: bool = True) -> None:
        self.failing, self.configured = failing, configured

    async def correct(self, text: str, language: str) -> str:
        await asyncio.sleep(0.01)
        if self.failing:
            raise UnavailableError("post-processing does not work")
        return f"{text} ({language}) Здравейте"


async def test_where_nothing_was_said_nothing_is_corrected(tmp_path: Path) -> None:
    async with talking(Transcribe, tmp_path, postprocessor=ScriptedPostprocessor(failing=True)) as talk:
        talk.send(ASKED | {"postprocess": True, "machine_id": "m"}, wav(np.zeros(32_000, np.int16)))
        (answer,) = await talk.hear(1)
        assert (answer["text"], answer["postprocessed_text"], answer["postprocess_ms"]) == ("", "", 0)
        assert answer["postprocess_error"] is None
        labels = {"machine_id": "m", "task": "transcribe"}
        assert talk.metrics.value("asr_postprocess_seconds_count", labels) == 0


async def test_a_request_that_is_refused_counts_as_what_it_asked_for(tmp_path: Path) -> None:
    async with talking(Transcribe, tmp_path) as talk:
        talk.send({"type": "transcribe", "task": "translate", "language": "xx", "machine_id": "m"})
        await talk.hear(1)
        labels = {"machine_id": "m", "task": "translate", "status": "error"}
        assert talk.metrics.value("asr_requests_total", labels) == 1


@pytest.mark.parametrize(
    ("postprocessor", "expected", "runs"),
    [
        (None, (None, "post-processing is not configured"), False),
        (ScriptedPostprocessor(configured=False), (None, "post-processing is not configured"), False),
        (ScriptedPostprocessor(), (f"{TEXT} (en) Здравейте", None), True),
        (ScriptedPostprocessor(failing=True), (None, "post-processing does not work"), True),
    ],
)
async def test_correction_never_fails_a_transcript(
    tmp_path: Path, postprocessor: ScriptedPostprocessor | None, expected: tuple[Any, Any], runs: bool
) -> None:
    async with talking(Transcribe, tmp_path, postprocessor=postprocessor) as talk:
        talk.send(ASKED | {"postprocess": True, "machine_id": "m"}, WAV)
        (answer,) = await talk.hear(1)
        assert answer["text"] == TEXT
        assert (answer["postprocessed_text"], answer["postprocess_error"]) == expected
        assert (answer["postprocess_ms"] >= 10) is runs
        labels = {"machine_id": "m", "task": "transcribe"}
        assert talk.metrics.value("asr_postprocess_seconds_count", labels) == runs
        assert "\\u" not in talk.socket.sent[0]


async def test_requests_are_counted_once_at_their_end_and_pings_never(tmp_path: Path) -> None:
    async with talking(Transcribe, tmp_path, options=KEYED) as talk:
        mine = {"type": "transcribe", "api_key": "secret", "machine_id": "m" * 100}
        talk.send({"type": "ping"}, mine, WAV, mine, b"x", mine, mine | {"task": "sing"}, b"swallowed")
        talk.send({"type": "transcribe", "machine_id": "thief\ud800"})
        await talk.hear(5)
        machine = {"machine_id": "m" * 64}
        for status, count in (("success", 1), ("error", 2), ("unauthorized", 0)):
            assert talk.metrics.value("asr_requests_total", {**machine, "status": status}) == count
        thief = {"machine_id": "thief?", "status": "unauthorized"}
        assert talk.metrics.value("asr_requests_total", thief) == 1
        assert talk.metrics.value("asr_audio_seconds_total", machine) == pytest.approx(1.6)
        assert talk.metrics.value("asr_processing_seconds_count", machine) == 1
        assert "thief?" in Joined([talk.metrics.snapshot()]).rendered().decode()


def test_names_that_strangers_invent_leave_room_for_the_machines() -> None:
    metrics = Metrics()
    for number in range(MOST_MACHINES):
        metrics.count(RequestEnded(f"stranger {number}", "transcribe", "unauthorized"), 0.0)
    metrics.count(RequestEnded("mine", "transcribe", "success"), 0.1)
    assert metrics.value("asr_requests_total", {"machine_id": "mine", "status": "success"}) == 1
    strangers = {"machine_id": "other", "status": "unauthorized"}
    assert metrics.value("asr_requests_total", strangers) == MOST_MACHINES * 3 // 4


async def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    options = settings.Settings(transcribe=services.Transcribe(idle_seconds=0.2))
    async with talking(Transcribe, tmp_path, options=options) as talk:
        talk.send({"type": "ping"})
        await talk.task
        assert talk.socket.closed == (1000, "nothing came for too long")
