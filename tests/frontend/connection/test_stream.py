"""A stream that goes on for its recording when its client is gone, and cannot."""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

import pytest

from frontend.connection.audio_queue import AudioQueue
from frontend.connection.spool import Spool
from frontend.connection.stream import ConnectionStream
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Stream, Task
from frontend.errors import OverloadedError
from frontend.media.stream import AudioFormat
from frontend.speech import RATE
from frontend.tasks.listening import Listening
from frontend.tasks.live.options import LiveOptions
from frontend.tasks.live.transcribe import TranscribeLive
from frontend.telemetry.logs import Log
from tests.frontend.fakes import budget
from tests.frontend.live_stage import CALLER, EXPORT_ID, Kept
from tests.frontend.spoken_tones import ToneSpeech


def stream_in(directory: Path, services: Services | None = None) -> tuple[ConnectionStream, list[Exception]]:
    """A stream, and what its client is told of why it is over."""
    told: list[Exception] = []
    audio = AudioQueue(budget(), 0, Spool(directory, budget()))
    services = services or Services(ToneSpeech())
    return ConnectionStream(audio, services, lambda *_: None, lambda error, _: told.append(error), Log("session")), told


class Waiting(Task):
    """Waits for what nobody may bring, and takes its time to end."""

    outlives_client: ClassVar[bool] = True
    tidy = False

    def __init__(self) -> None:
        self.began, self.ending, self.may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def begin(self, stream: Stream) -> Coroutine[Any, Any, None]:
        return self.wait()

    async def wait(self) -> None:
        try:
            self.began.set()
            await asyncio.Event().wait()
        finally:
            self.ending.set()
            await self.may_end.wait()
            self.tidy = True


@pytest.mark.parametrize("failure", [OverloadedError("the disk is broken"), RuntimeError("a transcript: secret")])
async def test_work_that_nobody_hears_of_ends_where_it_cannot_go_on(
    tmp_path: Path, failure: Exception, caplog: Any
) -> None:
    (stream, told), task = stream_in(tmp_path), Waiting()
    stream.begin(task, "live")
    await task.began.wait()
    await stream.leave()
    try:
        for _ in range(10):
            stream.fail(failure)
            await asyncio.sleep(0)
        assert task.ending.is_set()
    finally:
        task.may_end.set()
        await stream.finished() if task.ending.is_set() else await stream.close()
    assert task.tidy, "it is not cut while it puts in order what it leaves"
    assert told == []
    facts = [getattr(each, "facts", {}) for each in caplog.records]
    assert facts[0].get("reason") == "the disk is broken" or facts[0].get("error") == "RuntimeError"
    assert "secret" not in caplog.text + str(facts)


class Unreadable(Kept):
    """A recording that takes all, and nothing of it can be read again once it is broken."""

    broken = False

    async def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        if self.broken:
            raise OSError(5, "Input/output error")
        return await super().read(offset_bytes, size_bytes)


async def test_a_recording_whose_audio_cannot_be_heard_any_more_ends_at_once_as_incomplete(
    tmp_path: Path, caplog: Any
) -> None:
    caplog.set_level(logging.INFO)
    kept = Unreadable()
    stream, _ = stream_in(tmp_path, Services(ToneSpeech(), exports=kept))
    stream.begin(TranscribeLive(LiveOptions(Listening(AudioFormat(RATE)), CALLER, EXPORT_ID)), "live")
    for _ in range(10):  # turns of the event loop: it is recorded from then on
        await asyncio.sleep(0)
    for _ in range(100):
        stream.audio.put(bytes(RATE), stream.audio.lease(RATE))
        await stream.audio.make_room()
    kept.broken = True
    await stream.leave()
    async with asyncio.timeout(10):
        await stream.finished()
    assert kept.state == "incomplete"
    assert len(kept.pcm) == 100 * RATE
    assert "the work ends early" in caplog.text
    await stream.close()
