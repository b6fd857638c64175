"""Wyoming, judged by its own package, as home automation talks: its own port, no upgrade."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info

from frontend.speech import Samples
from tests import readings
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import TritonAddress
from tests.voices import silence


def spoken(rate: int = 16_000) -> Samples:
    return np.concatenate([silence(0.4, rate), readings.parts(rate)[0], silence(0.4, rate)])


@contextlib.asynccontextmanager
async def calling(gateway: GatewayAddress) -> AsyncIterator[AsyncTcpClient]:
    async with AsyncTcpClient("127.0.0.1", gateway.ports["wyoming"], read_timeout=120) as client:
        yield client


async def next_event(client: AsyncTcpClient) -> Event:
    event = await client.read_event()
    assert event is not None
    return event


async def speak(client: AsyncTcpClient, rate: int = 16_000, samples: Samples | None = None) -> None:
    """As Home Assistant does: the format, a chunk after the other, the end."""
    await client.write_event(AudioStart(rate=rate, width=2, channels=1).event())
    samples = spoken(rate) if samples is None else samples
    for start in range(0, len(samples), 1024):
        audio = samples[start : start + 1024].tobytes()
        await client.write_event(AudioChunk(rate=rate, width=2, channels=1, audio=audio).event())
    await client.write_event(AudioStop().event())


async def heard(client: AsyncTcpClient) -> str:
    while not Transcript.is_type((event := await next_event(client)).type):
        pass
    return Transcript.from_event(event).text.lower()


async def test_what_is_served_is_described(gateway: GatewayAddress) -> None:
    async with calling(gateway) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await next_event(client))
    assert "en" in info.asr[0].models[0].languages


@pytest.mark.parametrize("rate", [16_000, 48_000])
async def test_an_utterance_is_transcribed_and_another_behind_it(gateway: GatewayAddress, rate: int) -> None:
    async with calling(gateway) as client:
        for _ in range(2):
            await client.write_event(Transcribe(language="en").event())
            await speak(client, rate)
            assert "best of times" in (await heard(client)).lower()


async def test_finals_are_told_as_they_come_where_it_is_configured(triton: TritonAddress, tmp_path: Path) -> None:
    with running_gateway(triton, tmp_path, {"GATEWAY_WYOMING__TRANSCRIPT_STREAMING": "true"}) as gateway:
        async with calling(gateway) as client:
            await speak(client)
            events = [await next_event(client)]
            while events[-1].type != "transcript-stop":
                events.append(await next_event(client))
    kinds = [event.type for event in events]
    assert (kinds[0], kinds[-2:]) == ("transcript-start", ["transcript", "transcript-stop"])
    chunks = "".join(event.data["text"] for event in events if event.type == "transcript-chunk")
    assert chunks == Transcript.from_event(events[-2]).text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "1002"),
        (b'{"type": "audio-chunk", "payload_length": 99999999999}\n', "1009"),
        (b'{"type": "audio-chunk", "data_length": -1}\n', "1002"),
        (b"x" * 70_000, "1002"),
        (b'{"type": "audio-start", "data": {"rate": 16000, "width": 4, "channels": 1}}\n', "1003"),
        (b'{"type": "transcribe", "data": {"language": "xx"}}\n', "1003"),
    ],
)
async def test_a_header_that_lies_is_told_so_and_nobody_else_notices(
    gateway: GatewayAddress, data: bytes, code: str
) -> None:
    async with calling(gateway) as honest:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ports["wyoming"])
        writer.write(data + bytes(1000))
        error = Error.from_event(Event.from_dict(json.loads(await reader.readline())))
        assert error.code == code
        assert await reader.read() == b""
        writer.close()
        await speak(honest)
        assert "best of times" in (await heard(honest)).lower()


async def test_garbage_harms_nobody(gateway: GatewayAddress) -> None:
    random = np.random.default_rng(5)
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.ports["wyoming"])
        writer.write(random.bytes(int(random.integers(0, 100_000))))
        writer.write_eof()
        await reader.read()
        writer.close()
    async with calling(gateway) as client:
        await client.write_event(Describe().event())
        assert Info.from_event(await next_event(client)).asr
    assert gateway.metric('gateway_connections{protocol="wyoming"}') == 0


async def test_where_keys_are_needed_it_is_closed_unless_that_is_configured(
    triton: TritonAddress, tmp_path: Path
) -> None:
    keys = {"GATEWAY_KEYS__CLIENTS": '["me:K"]'}
    for without, kind in (("[]", "error"), ("[wyoming]", "info")):
        settings = keys | {"GATEWAY_KEYS__WITHOUT": without}
        with running_gateway(triton, tmp_path / kind, settings) as gateway:
            async with calling(gateway) as client:
                await client.write_event(Describe().event())
                assert (await next_event(client)).type == kind
