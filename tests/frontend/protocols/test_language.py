"""`/ws`, line by line of what its clients know: scripted models, the real decoder."""

import asyncio
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend.config import services, settings
from frontend.protocols.language import LanguageDetection
from frontend.telemetry.metrics import Metrics
from tests.frontend.conversations import Conversation, talking
from tests.frontend.exporting import wait_for
from tests.frontend.fakes import spoken
from tests.frontend.media.test_decoder import encoded
from tests.frontend.media_files import fragmented_mp4
from tests.frontend.media_in_place import MediaInPlace
from tests.sounds import noise, tone, wav

SPEECH = wav(spoken((0.2, 1.8), (2.2, 3.8), seconds=4.0))
LOUD = tone(300, 6.0, 48000)


def quick(wait_seconds: float = 0.3, max_bytes: int = 1 << 26) -> settings.Settings:
    return settings.Settings(language_detection=services.LanguageDetection(20_000, max_bytes, wait_seconds))


async def answer(talk: Conversation, *messages: str | bytes) -> Any:
    """The only one."""
    talk.send(*messages)
    await talk.task
    assert len(talk.socket.sent) == 1
    assert talk.socket.closed == (1000, "")
    told = (await talk.hear(1))[0]
    assert told["connection_id"] == "cafe0123"
    assert datetime.datetime.fromisoformat(told["timestamp"]).tzinfo is None
    assert len(told["timestamp"]) == len("2026-03-08T10:30:45.123456")
    return told


def pieces(data: bytes, size_bytes: int) -> list[bytes]:
    return [data[at : at + size_bytes] for at in range(0, len(data), size_bytes)]


@pytest.mark.parametrize("size_bytes", [1 << 20, 7000, 19_999])
async def test_the_language_is_told_once_and_the_conversation_ends(tmp_path: Path, size_bytes: int) -> None:
    async with talking(LanguageDetection, tmp_path) as talk:
        told = await answer(talk, b"", *pieces(SPEECH, size_bytes), b"late", SPEECH)
        assert list(told) == ["status", "data", "timestamp", "connection_id"]
        assert list(told["data"]) == ["language", "confidence", "processing_time", "connection_id"]
        assert (told["status"], told["data"]["language"], told["data"]["confidence"]) == ("success", "en", 0.9)
        assert told["data"]["processing_time"] == round(told["data"]["processing_time"], 2)
        assert len(talk.metrics.detection_seconds) == 1
        assert talk.metrics.value("gateway_language_detections") == 0


async def test_a_gateway_that_stops_answers_first(tmp_path: Path) -> None:
    async with talking(LanguageDetection, tmp_path) as talk:
        asked, may_answer = asyncio.Event(), asyncio.Event()
        detect = talk.speech.detect_language

        async def slow(samples: Any) -> Any:
            asked.set()
            await may_answer.wait()
            return await detect(samples)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(talk.speech, "detect_language", slow)
            talk.send(SPEECH)
            await asked.wait()
            draining = asyncio.create_task(talk.session.drain(20))
            await asyncio.wait({draining}, timeout=0.2)
            assert not draining.done()
            may_answer.set()
            await draining
        assert (await talk.hear(1))[0]["status"] == "success"


async def test_a_gateway_that_stops_does_not_wait_for_more_of_a_file(tmp_path: Path) -> None:
    async with talking(LanguageDetection, tmp_path) as talk:
        talk.send(SPEECH[:10_000])
        await wait_for(lambda: asyncio.sleep(0, talk.held.used_bytes > 0))
        await asyncio.wait_for(talk.session.drain(20), 5)
        told = (await talk.hear(1))[0]
        assert "Not enough audio data: 10000 of 20000 bytes" in str(told)


@pytest.mark.parametrize("size_bytes", [1 << 30, 50_000])
async def test_everything_that_has_come_is_analysed(tmp_path: Path, size_bytes: int) -> None:
    """In 48 kHz the first word comes behind far more than one piece of the message."""
    late = np.concatenate([np.zeros(3 * 48_000, np.int16), np.repeat(spoken((0.2, 1.8), seconds=2.0), 3)])
    async with talking(LanguageDetection, tmp_path, memory_bytes=1 << 20) as talk:
        heard = talk.speech.detect_language
        lengths: list[int] = []

        async def detect(samples: Any) -> Any:
            lengths.append(len(samples))
            return await heard(samples)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(talk.speech, "detect_language", detect)
            told = await answer(talk, *pieces(wav(late, 48_000), size_bytes))
        assert told["status"] == "success"
        assert lengths[0] >= 1.5 * 16_000


async def test_a_message_that_takes_long_to_arrive_is_waited_for(tmp_path: Path) -> None:
    async with talking(LanguageDetection, tmp_path, options=quick(0.05)) as talk:
        talk.socket.quiet = [0.0] * 1000  # bytes come, no message is complete
        await wait_for(lambda: asyncio.sleep(0, len(talk.socket.quiet) < 997))  # the time is over, again and again
        assert not talk.socket.sent
        assert (await answer(talk, SPEECH))["status"] == "success"


async def test_below_20000_bytes_there_is_silence_then_an_error(tmp_path: Path) -> None:
    async with talking(LanguageDetection, tmp_path, options=quick()) as talk:
        told = await answer(talk, SPEECH[:15_000], b"", SPEECH[15_000:19_999])
        assert list(told) == ["status", "message", "timestamp", "connection_id"]
        assert told["message"] == "Not enough audio data: 19999 of 20000 bytes received"
        assert talk.metrics.value("gateway_errors_total") == 1


async def test_a_client_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    async with talking(LanguageDetection, tmp_path) as talk:
        talk.send(SPEECH[:15_000])
        await talk.leave()
        assert talk.socket.sent == []
        assert talk.metrics.value("gateway_errors_total") == 0


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (["hello"], "send audio in binary frames, not text"),
        ([noise(1.0, 16000).tobytes()], "the file does not decode as audio"),
        ([wav(np.zeros(64000, np.int16))], "nobody speaks in the audio"),
        ([SPEECH[:10], "text"], "send audio in binary frames, not text"),
    ],
)
async def test_what_cannot_be_analysed_is_an_error(
    tmp_path: Path, messages: Sequence[str | bytes], message: str
) -> None:
    async with talking(LanguageDetection, tmp_path) as talk:
        told = await answer(talk, *messages)
        assert (told["status"], told["message"]) == ("error", message)


async def test_models_that_fail_are_an_error(tmp_path: Path) -> None:
    async with talking(LanguageDetection, tmp_path) as talk:
        talk.speech.failing = 1
        assert (await answer(talk, SPEECH))["message"] == "the models do not answer"


async def test_a_file_over_the_bound_is_an_error(tmp_path: Path) -> None:
    async with talking(LanguageDetection, tmp_path, options=quick(max_bytes=100_000)) as talk:
        assert (await answer(talk, SPEECH))["message"] == "the file is larger than 100000 bytes"


@pytest.mark.parametrize("blob_bytes", [4000, 30_000])
async def test_an_mp4_with_its_index_at_the_end_is_waited_for(tmp_path: Path, blob_bytes: int) -> None:
    file = encoded("mp4", "aac", 48000, LOUD)
    assert len(file) > 40_000 < file.index(b"moov")
    async with talking(LanguageDetection, tmp_path) as talk:
        assert (await answer(talk, *pieces(file, blob_bytes)))["status"] == "success"


async def test_an_mp4_whose_index_never_comes_is_an_error_in_the_end(tmp_path: Path) -> None:
    file = encoded("mp4", "aac", 48000, LOUD)
    async with talking(LanguageDetection, tmp_path, options=quick(0.8)) as talk:
        assert (await answer(talk, file[:30_000]))["message"] == "the file does not decode as audio"


async def test_a_recording_of_a_browser_is_analysed_as_soon_as_there_is_enough(tmp_path: Path) -> None:
    """One fragmented MP4 in blobs of four seconds; the last fragment is not complete."""
    blobs = fragmented_mp4(tone(300, 14.0, 48000), blob_seconds=4.0)
    assert len(blobs[0]) > 20_000
    async with talking(LanguageDetection, tmp_path) as talk:
        assert (await answer(talk, blobs[0] + blobs[1][: len(blobs[1]) // 3]))["status"] == "success"
    async with talking(LanguageDetection, tmp_path, options=quick()) as talk:
        told = await answer(talk, blobs[1])  # without the first blob there is nothing to decode it with
        assert told["status"] == "error"


async def test_many_wait_for_their_turn_and_nobody_is_refused(tmp_path: Path) -> None:
    media = MediaInPlace(settings.Media(workers=1, recordings=1, max_waiting=0), Metrics())
    talks = [Conversation(LanguageDetection, tmp_path, media=media) for _ in range(4)]
    told = await asyncio.gather(*(answer(talk, SPEECH) for talk in talks))
    assert [each["status"] for each in told] == ["success"] * 4
    await media.close()
