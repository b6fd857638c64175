"""Transcripts that are told as they are heard, on a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from aiohttp import web

from frontend.config.settings import Limits, Recognition, Settings
from frontend.connection.shared import SHARED, Shared
from frontend.media.decoder import Recording
from frontend.rest import openai
from frontend.rest.openai_form import Wanted
from frontend.speech import Decoding, SpeechService
from frontend.tasks.files.transcription import HeardSegment, TranscriptionOptions

WANTED = Wanted(TranscriptionOptions.of(Recognition(), Decoding("en")), "json", (), logprobs=False, stream=True)


class Heard:
    """Hears nothing, in a language whose name no connection takes without being read."""

    language = "x" * (32 << 20)

    def __init__(self, *_: Any) -> None: ...

    async def segments(self) -> AsyncIterator[HeardSegment]:
        for segment in list[HeardSegment]():
            yield segment


async def test_who_does_not_read_the_end_of_a_transcript_holds_its_recording_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai, "RecordingTranscriber", Heard)
    over = asyncio.get_running_loop().create_future()

    async def stream(request: web.Request) -> web.StreamResponse:
        recording = Recording(np.zeros(1, np.int16), 1, 16_000)
        try:
            return await openai._stream(request, recording, cast(SpeechService, None), WANTED)
        except Exception as e:
            over.set_result(e)
            raise

    app = web.Application()
    app[SHARED] = cast(Shared, SimpleNamespace(options=Settings(limits=Limits(farewell_seconds=0.1))))
    app.add_routes([web.get("/", stream)])
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        reader, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert isinstance(await over, ConnectionResetError)
        with contextlib.closing(writer), contextlib.suppress(ConnectionResetError):
            assert b"transcript.text.done" in await reader.read()
    finally:
        await runner.cleanup()
