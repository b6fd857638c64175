"""Whisper streaming, line by line of what its clients know: scripted models, the real decoder."""

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend.dialogue.commands import Ask, Command
from frontend.protocols.whisper import Whisper
from frontend.tasks.files.buffers import TranscribeBuffer
from tests.frontend.conversations import context, talking
from tests.frontend.fakes import spoken
from tests.frontend.media.test_decoder import encoded
from tests.frontend.protocols.test_base import as_read
from tests.sounds import tone, wav

# A word each second, in its middle.
SPEECH = spoken(*((second + 0.3, second + 0.7) for second in range(12)), seconds=12.0)
STOP = {"type": "stop"}


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def stream(start_seconds: float, end_seconds: float, **more: Any) -> dict[str, Any]:
    samples = SPEECH[round(start_seconds * 16000) : round(end_seconds * 16000)]
    return {"type": "stream", "audio": encode(samples.tobytes()), **more}


def partial(duration: float, text: str, language: str = "en") -> dict[str, Any]:
    return {"type": "transcript", "text": text, "is_final": False, "language": language, "duration": duration}


def final(text: str, language: str = "en") -> dict[str, Any]:
    return {"type": "transcript", "text": text, "is_final": True, "language": language}


async def test_partials_come_after_three_seconds_and_then_every_two(tmp_path: Path) -> None:
    async with talking(Whisper, tmp_path) as talk:
        talk.send(*(stream(second / 2, second / 2 + 0.5) for second in range(14)), STOP)
        assert await talk.hear(4) == [
            partial(3.0, "word0 word1 word2"),
            partial(3.0, "word2 word3 word4"),
            partial(3.0, "word4 word5 word6"),
            final("word6"),
        ]


async def test_a_message_of_many_seconds_gives_one_partial(tmp_path: Path) -> None:
    async with talking(Whisper, tmp_path) as talk:
        talk.send(stream(0, 7), stream(7, 8.2), STOP)
        words = " ".join(f"word{number}" for number in range(7))
        assert await talk.hear(2) == [partial(7.0, words), final("word6 word7")]


async def test_below_three_seconds_there_is_silence_and_a_stop_is_always_final(tmp_path: Path) -> None:
    async with talking(Whisper, tmp_path) as talk:
        talk.send(STOP, stream(0, 2.9), STOP, STOP)
        assert await talk.hear(3) == [final(""), final("word0 word1 word2"), final("")]


async def test_silence_has_an_empty_partial(tmp_path: Path) -> None:
    async with talking(Whisper, tmp_path) as talk:
        talk.send({"type": "stream", "audio": encode(bytes(96000))}, STOP)
        assert await talk.hear(2) == [partial(3.0, ""), final("")]


async def test_the_language_is_the_given_one_or_the_last_detected(tmp_path: Path) -> None:
    async with talking(Whisper, tmp_path) as talk:
        talk.speech.languages = {"de": 0.9, "en": 0.1}
        talk.send(stream(0, 3), STOP, stream(0, 3, language="EN"), STOP, stream(0, 1, language=None), STOP)
        languages = [answer["language"] for answer in await talk.hear(5)]
        assert languages == ["de", "de", "en", "en", "de"]


def test_of_many_small_messages_no_more_is_buffered_than_their_audio() -> None:
    whisper, asked = Whisper(context()), list[Command]()
    while not asked:
        asked += whisper.receive(as_read(Whisper, json.dumps(stream(0, 0.001))))
    assert isinstance(asked[0], Ask)
    assert isinstance(asked[0].job, TranscribeBuffer)
    assert [len(piece) for piece in asked[0].job.pieces] == [96_000 - 32, 32]


async def test_half_a_sample_waits_for_its_other_half(tmp_path: Path) -> None:
    raw = SPEECH[:80000].tobytes()
    cuts = [0, 1, 31999, 32000, 96001, 96001, 128003, len(raw)]
    async with talking(Whisper, tmp_path) as talk:
        for start, end in itertools.pairwise(cuts):
            talk.send({"type": "stream", "audio": encode(raw[start:end])})
        talk.send(STOP)
        assert await talk.hear(3) == [
            partial(3.0, "word0 word1 word2"),
            partial(3.0, "word2 word3 word4"),
            final("word4"),
        ]


@pytest.mark.parametrize("container", ["wav", "mp4", "mp3", "ogg", "webm", "flac"])
async def test_a_file_is_decoded_by_what_it_is(tmp_path: Path, container: str) -> None:
    codecs = {"wav": "pcm_s16le", "mp4": "aac", "mp3": "libmp3lame", "flac": "flac"}
    file = encoded(container, codecs.get(container, "libopus"), 48000, tone(300, 2.0, 48000))
    async with talking(Whisper, tmp_path) as talk:
        talk.send({"type": "file", "audio": encode(file), "format": "../../etc/passwd", "language": None})
        (answer,) = await talk.hear(1)
    names = ["type", "text", "segments", "language", "duration", "processing_time", "real_time_factor"]
    assert list(answer) == names
    assert answer["language"] == "en"
    assert answer["duration"] == pytest.approx(2.0, abs=0.1)
    assert answer["real_time_factor"] == round(answer["duration"] / answer["processing_time"], 1)


@pytest.mark.parametrize("as_binary", [False, True])
async def test_a_file_leaves_a_running_stream_untouched(tmp_path: Path, as_binary: bool) -> None:
    file = json.dumps({"type": "file", "audio": encode(wav(SPEECH[:32000]))})
    async with talking(Whisper, tmp_path) as talk:
        talk.send(stream(0, 2), file.encode() if as_binary else file, stream(2, 3), STOP)
        transcript, *others = await talk.hear(3)
        assert transcript["text"] == "word0 word1"
        assert transcript["segments"] == [{"start": 0.3, "end": 1.7, "text": "word0 word1"}]
        assert others == [partial(3.0, "word0 word1 word2"), final("word2")]


@pytest.mark.parametrize(
    "written",
    [
        lambda text: "data:audio/wav;base64," + text,
        lambda text: text.rstrip("="),
        lambda text: "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + "\n",
    ],
    ids=["data url", "no padding", "lines"],
)
@pytest.mark.parametrize("seconds", [2, 12], ids=["small", "large"])
async def test_base64_is_understood_as_people_write_it(tmp_path: Path, written: Any, seconds: int) -> None:
    text = encode(wav(np.append(SPEECH[: 16000 * seconds], np.int16(0))))
    async with talking(Whisper, tmp_path) as talk:
        talk.send({"type": "file", "audio": written(text)})
        (answer,) = await talk.hear(1)
        assert answer["duration"] == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("x", "invalid JSON"),
        (b"\xff\xfe", "invalid JSON"),
        ("[1]", "the message is not a JSON object"),
        ("{}", "Unknown message type: None"),
        ('{"type": "STREAM"}', "Unknown message type: STREAM"),
        ('{"type": 5}', "Unknown message type: 5"),
        ('{"type": "\\ud800"}', "Unknown message type: ?"),
        ('{"type": "stream"}', "audio is missing"),
        ('{"type": "file", "audio": null}', "audio must be a base64 string"),
        ('{"type": "stream", "audio": "A"}', "audio is not valid base64"),
        ('{"type": "stream", "audio": "ä"}', "audio is not valid base64"),
        ('{"type": "stream", "audio": "", "language": "xx"}', "unsupported language: xx"),
        ('{"type": "stream", "audio": "", "language": 1}', "language must be a language code or null"),
        ('{"type": "file", "audio": "AAAA"}', "the file does not decode as audio"),
        ('{"type": "file", "audio": ""}', "the file is empty"),
        ("[" * 1_000_000, "invalid JSON"),
        ('{"type": ' + "9" * 1_000_000 + "}", "invalid JSON"),
        ('{"type": "file", "more": [' + "0," * 500_000 + "0]}", "the message holds too much beside the audio"),
    ],
)
async def test_an_error_is_told_and_the_stream_goes_on(tmp_path: Path, message: str | bytes, error: str) -> None:
    async with talking(Whisper, tmp_path) as talk:
        talk.send(stream(0, 2), message, stream(2, 3))
        assert await talk.hear(2) == [{"type": "error", "message": error}, partial(3.0, "word0 word1 word2")]


async def test_models_that_fail_are_an_error_in_every_kind_of_message(tmp_path: Path) -> None:
    async with talking(Whisper, tmp_path) as talk:
        talk.speech.failing = 3
        talk.send(stream(0, 3), STOP, {"type": "file", "audio": encode(wav(SPEECH))}, stream(0, 1), STOP)
        *errors, last = await talk.hear(4)
        assert errors == [{"type": "error", "message": "the models do not answer"}] * 3
        assert last == final("word0")
