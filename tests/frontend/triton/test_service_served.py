"""The bundled recogniser in the real Triton, through the gateway's speech service and file path."""

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from frontend.config import settings
from frontend.errors import ClientError
from frontend.speech import ASR, RATE, Decoding, Samples
from frontend.tasks.files.transcription import TranscriptionOptions, transcribe_recording
from frontend.telemetry.metrics import Metrics
from frontend.triton.client import TritonClient
from frontend.triton.service import ConnectionSpeech, TritonSpeech
from tests import readings
from tests.triton_server import TritonAddress
from tests.voices import say, silence

SENTENCES = (
    "the train leaves at half past seven",
    "turn off the oven in the kitchen",
    "i live in romania",
    "turn on the fan in the garden",
)


@asynccontextmanager
async def served(triton: TritonAddress) -> AsyncIterator[ConnectionSpeech]:
    options = settings.Settings()
    options = dataclasses.replace(options, triton=dataclasses.replace(options.triton, grpc_port=triton.grpc_port))
    client = TritonClient(options.triton, Metrics())
    try:
        yield TritonSpeech(client, options, Metrics()).asked_by("served")
    finally:
        await client.close(10)


def recording() -> tuple[Samples, list[tuple[float, float]]]:
    """The sentences with a second of silence between them, and where each is."""
    parts, at, places = [silence(1)], 1.0, []
    for spoken in readings.parts():
        parts += [spoken, silence(1)]
        places.append((at, at + len(spoken) / RATE))
        at += len(spoken) / RATE + 1
    return np.concatenate(parts), places


async def test_sentences_come_with_their_place_and_language(triton: TritonAddress) -> None:
    samples, places = recording()
    async with served(triton) as speech:
        result = await transcribe_recording(samples, speech, TranscriptionOptions())
    assert result.language == "en"
    assert len(result.segments) >= len(places)
    for sentence, (start, end) in zip(readings.PARTS, places, strict=True):
        inside = [each for each in result.segments if start - 0.5 <= each.start_seconds < each.end_seconds <= end + 0.5]
        assert re.sub(r"[^a-z ]", "", " ".join(each.text for each in inside).lower()) == sentence


async def test_many_requests_at_once_give_what_each_gives_alone(triton: TritonAddress) -> None:
    spoken = [say(sentence) for sentence in SENTENCES]
    async with served(triton) as speech:
        alone = [await speech.transcribe(samples, Decoding("en")) for samples in spoken]
        together = await asyncio.gather(*(speech.transcribe(samples, Decoding("en")) for samples in spoken * 6))
    assert [transcript.text for transcript in together] == [transcript.text for transcript in alone] * 6


async def test_what_the_recogniser_refuses_fails_that_request_alone(triton: TritonAddress) -> None:
    spoken = say(SENTENCES[0])
    async with served(triton) as speech:
        assert speech.manifest(ASR) is None  # so that nothing is refused before it is asked
        results = await asyncio.gather(
            *(speech.transcribe(spoken, Decoding(language)) for language in ("en", "xx", "en")), return_exceptions=True
        )
        assert speech.manifest(ASR) is not None
        with pytest.raises(ClientError, match="unsupported language: yy"):
            await speech.transcribe(spoken, Decoding("yy"))
    first, refused, last = results
    assert isinstance(refused, ClientError)
    assert "xx" in str(refused)
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)
    assert first.text == last.text != ""
