"""OpenAI's Realtime API, judged by its own Python library: speech as it is spoken."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import openai
import pytest
import soxr
import websockets
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from frontend.speech import RATE, Samples
from tests.gateway.test_openai import WORDS, plain, spoken_apart
from tests.gateway_server import GatewayAddress
from tests.readings import PARTS, parts
from tests.sounds import wav
from tests.voices import silence

COMPLETED = "conversation.item.input_audio_transcription.completed"
DELTA = "conversation.item.input_audio_transcription.delta"
BLOCK_SECONDS = 0.1
VAD = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500, "prefix_padding_ms": 300}


@pytest.fixture(scope="module")
def spoken() -> Samples:
    return spoken_apart(1.5)


def client_of(gateway: GatewayAddress, key: str = "any") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=gateway.http("/v1"), api_key=key, max_retries=0)


def transcription(turn_detection: Mapping[str, Any] | None, **audio: Any) -> Any:
    how = {"model": "gpt-4o-transcribe", "language": "en"}
    heard = {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": how, **audio}
    return {"type": "transcription", "audio": {"input": {**heard, "turn_detection": turn_detection}}}


def encoded(samples: Samples, kind: str = "audio/pcm") -> tuple[bytes, int]:
    """As a client writes it, and how many bytes a second."""
    rate, subtype = {"audio/pcm": (24_000, "PCM_16"), "audio/pcmu": (8000, "ULAW"), "audio/pcma": (8000, "ALAW")}[kind]
    data = wav(np.asarray(soxr.resample(samples, RATE, rate), np.int16), rate, subtype, "RAW")
    return data, rate * (2 if kind == "audio/pcm" else 1)


async def send(connection: AsyncRealtimeConnection, audio: bytes, bytes_per_second: int) -> None:
    step = int(BLOCK_SECONDS * bytes_per_second)
    for start in range(0, len(audio), step):
        await connection.input_audio_buffer.append(audio=base64.b64encode(audio[start : start + step]).decode())


async def until(connection: AsyncRealtimeConnection, kind: str, count: int = 1) -> list[Any]:
    """All events to the one that is awaited."""
    events: list[Any] = []
    async with asyncio.timeout(60):
        while sum(event.type == kind for event in events) < count:
            events.append(await connection.recv())
    return events


def of(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


async def test_with_server_vad_each_utterance_is_an_item_with_its_events_in_order(
    gateway: GatewayAddress, spoken: Samples
) -> None:
    async with (
        client_of(gateway) as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        await connection.session.update(session=transcription(VAD))
        await send(connection, *encoded(spoken))
        events = await until(connection, COMPLETED, 2)
    first = [event.type for event in events[: [event.type for event in events].index(COMPLETED) + 1]]
    assert first == [
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        DELTA,
        "conversation.item.input_audio_transcription.segment",
        COMPLETED,
    ]
    assert [plain(event.transcript) for event in of(events, COMPLETED)] == [*PARTS]
    one, two = (event.item_id for event in of(events, "input_audio_buffer.committed"))
    assert [event.previous_item_id for event in of(events, "input_audio_buffer.committed")] == [None, one]
    assert [event.item_id for event in of(events, COMPLETED)] == [one, two]
    assert [event.item.id for event in of(events, "conversation.item.added")] == [one, two]
    starts, stops = of(events, "input_audio_buffer.speech_started"), of(events, "input_audio_buffer.speech_stopped")
    assert [event.item_id for event in starts] == [event.item_id for event in stops] == [one, two]
    assert starts[0].audio_start_ms < stops[0].audio_end_ms < starts[1].audio_start_ms < stops[1].audio_end_ms
    assert of(events, COMPLETED)[0].usage.seconds == pytest.approx(
        (stops[0].audio_end_ms - starts[0].audio_start_ms) / 1000, abs=0.01
    )


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/pcmu", "audio/pcma"])
async def test_what_is_committed_is_an_item_in_every_format(
    gateway: GatewayAddress, spoken: Samples, kind: str
) -> None:
    audio = encoded(spoken, kind)
    async with client_of(gateway) as client, client.realtime.connect(model="gpt-4o-transcribe") as connection:
        await connection.session.update(session=transcription(None, format={"type": kind}))
        await send(connection, *audio)
        await connection.input_audio_buffer.commit()
        events = await until(connection, COMPLETED)
        await send(connection, *audio)
        await connection.input_audio_buffer.clear()
        await connection.input_audio_buffer.commit()
        after = await until(connection, "error")
    (completed,) = of(events, COMPLETED)
    assert plain(completed.transcript) == WORDS
    assert "".join(event.delta for event in of(events, DELTA)) == completed.transcript
    assert {event.item_id for event in of(events, DELTA)} == {completed.item_id}
    assert not of(events, "input_audio_buffer.speech_started")
    assert completed.usage.seconds == pytest.approx(len(spoken) / RATE, abs=0.05)
    assert of(after, "input_audio_buffer.cleared")
    assert after[-1].error.code == "input_audio_buffer_commit_empty"


async def test_text_is_told_before_a_long_utterance_is_over(gateway: GatewayAddress) -> None:
    async with client_of(gateway) as client, client.realtime.connect(model="gpt-4o-transcribe") as connection:
        how = {"model": "gpt-4o-transcribe", "language": "en", "delay": "low"}
        await connection.session.update(session=transcription({"type": "semantic_vad"}, transcription=how))
        await send(connection, *encoded(np.concatenate([*parts(), silence(2.0)])))
        events = await until(connection, COMPLETED)
    (completed,) = of(events, COMPLETED)
    deltas = of(events, DELTA)
    assert events.index(deltas[0]) < events.index(of(events, "input_audio_buffer.speech_stopped")[0])
    assert "".join(event.delta for event in deltas) == completed.transcript
    assert plain(completed.transcript) == WORDS


async def test_probabilities_are_told_where_they_are_asked_for(gateway: GatewayAddress, spoken: Samples) -> None:
    async with client_of(gateway) as client, client.realtime.connect(model="gpt-4o-transcribe") as connection:
        session = transcription(VAD)
        session["include"] = ["item.input_audio_transcription.logprobs"]
        await connection.session.update(session=session)
        await send(connection, *encoded(spoken))
        events = await until(connection, COMPLETED)
    (completed,) = of(events, COMPLETED)
    assert "".join(each.token for each in completed.logprobs).strip() == completed.transcript
    assert [each.token for each in of(events, DELTA)[0].logprobs] == [each.token for each in completed.logprobs]


async def test_a_model_that_is_not_known_ends_the_session_with_an_error(gateway: GatewayAddress) -> None:
    async with client_of(gateway) as client, client.realtime.connect(model="gpt-9") as connection:
        (error,) = await until(connection, "error")
        assert error.error.code == "model_not_found"
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize(
    ("event", "param", "words"),
    [
        ({"type": "response.create"}, "type", "response.create"),
        ({"type": "conversation.item.create", "item": {}}, "type", "conversation.item.create"),
        ({}, "type", "None"),
        ({"type": "session.update"}, "session", "object"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "session.type", "transcription"),
        ({"type": "input_audio_buffer.append"}, "audio", "base64"),
        ({"type": "input_audio_buffer.append", "audio": "not base64!"}, "audio", "base64"),
        ({"type": "input_audio_buffer.commit"}, None, "0 ms"),
    ],
)
async def test_an_event_that_cannot_be_is_an_error_that_names_it_and_the_session_goes_on(
    gateway: GatewayAddress, event: Any, param: str | None, words: str
) -> None:
    async with client_of(gateway) as client, client.realtime.connect(model="whisper-1") as connection:
        event["event_id"] = "mine"
        await connection.send(event)
        (error,) = of(await until(connection, "error"), "error")
        assert (error.error.event_id, error.error.param, error.error.type) == ("mine", param, "invalid_request_error")
        assert words in error.error.message
        await connection.session.update(session=transcription(VAD))
        await until(connection, "session.updated")


async def test_what_is_no_json_object_is_an_error_and_the_session_goes_on(gateway: GatewayAddress) -> None:
    async with client_of(gateway) as client, client.realtime.connect(model="whisper-1") as connection:
        for wrong in ("{", "[]", b"bytes"):
            await connection._connection.send(wrong)
            await until(connection, "error")
        await connection.session.update(session=transcription(VAD))
        await until(connection, "session.updated")


async def test_a_session_stays_as_it_is_once_it_hears(gateway: GatewayAddress, spoken: Samples) -> None:
    async with client_of(gateway) as client, client.realtime.connect(model="whisper-1") as connection:
        await connection.session.update(session=transcription(VAD))
        await send(connection, *encoded(spoken))
        await connection.session.update(session=transcription(None))
        events = await until(connection, "error")
        assert "audio has begun" in events[-1].error.message
        await connection.session.update(session=transcription(VAD, noise_reduction={"type": "near_field"}))
        events += await until(connection, "session.updated")
        assert events[-1].session.audio.input.noise_reduction.type == "near_field"
        missing = 2 - len(of(events, COMPLETED))
        events += await until(connection, COMPLETED, missing)
    assert [plain(event.transcript) for event in of(events, COMPLETED)] == [*PARTS]
