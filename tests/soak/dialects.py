"""One conversation in each dialect, in real time where people would speak; whatever is not as it should be raises."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import websockets
from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient

from frontend.speech import RATE, Samples
from tests.gateway_server import GatewayAddress
from tests.readings import parts
from tests.sounds import opus_packets, wav

_PIECE_SECONDS = 0.1
_AROUND = np.zeros(RATE // 2, np.int16)
_TEMPLATES = "/voice_template_factory/create_voice_template_from_samples"


@dataclass(frozen=True)
class Visitor:
    """Who speaks, to whom, and what."""

    gateway: GatewayAddress
    web: aiohttp.ClientSession
    samples: Samples

    def connect(self, path: str, port: str = "voice") -> Any:
        return websockets.connect(self.gateway.ws(path, port), ping_interval=None, compression=None)

    @property
    def pieces(self) -> list[bytes]:
        step = round(RATE * _PIECE_SECONDS)
        return [self.samples[at : at + step].tobytes() for at in range(0, len(self.samples), step)]

    async def post(self, path: str, **body: Any) -> Any:
        async with self.web.post(self.gateway.http(path, "rest"), **body) as response:
            content = await response.read()
            assert response.status == 200, (path, response.status, content[:200])
            return json.loads(content) if "json" in response.content_type else content.decode()


def speech() -> Samples:
    """Some five seconds of a person, with quiet around."""
    return np.concatenate([_AROUND, parts()[0], _AROUND])


async def paced(connection: Any, messages: Sequence[str | bytes], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    for number, message in enumerate(messages):
        await asyncio.sleep(max(0.0, start + number * seconds - loop.time()))
        await connection.send(message)


async def _lock_step(visitor: Visitor, path: str, opening: list[str], messages: list[bytes], pace: float) -> Any:
    """Each message has its answer; the last one comes back."""
    async with visitor.connect(path) as connection:
        for parameter in opening:
            await connection.send(parameter)
            assert await connection.recv() == "200"
        sending = asyncio.create_task(paced(connection, messages, pace))
        answers = [await connection.recv() for _ in messages]
        await sending
    return json.loads(answers[-1])


async def endpoint(visitor: Visitor) -> None:
    answer = await _lock_step(visitor, "/speech_endpoint_detector", ["300", "500", "16000"], visitor.pieces, 0.1)
    assert isinstance(answer, bool)


async def endpoint_opus(visitor: Visitor) -> None:
    packets = opus_packets(visitor.samples)
    await _lock_step(visitor, "/speech_endpoint_detector_opus", ["300", "500", "16000"], packets, 0.02)


async def summary(visitor: Visitor) -> None:
    answer = await _lock_step(visitor, "/speech_summary_stream", ["16000"], visitor.pieces, 0.1)
    assert answer["speech_length"] > 0


async def verify(visitor: Visitor) -> None:
    octets = {"Content-Type": "application/octet-stream"}
    template = await visitor.post(f"{_TEMPLATES}?sample_rate=16000", data=visitor.samples.tobytes(), headers=octets)
    await _lock_step(visitor, "/voice_verify_stream", [template, "16000", "3"], visitor.pieces, 0.1)
    match = {"template1": template, "template2": template}
    assert (await visitor.post("/voice_template_matcher/match_voice_templates", json=match))["probability"] > 0.5


async def language(visitor: Visitor) -> None:
    async with visitor.connect("/ws") as connection:
        await connection.send(wav(visitor.samples))
        assert json.loads(await connection.recv())["status"] == "success"


async def transcribe(visitor: Visitor) -> None:
    async with visitor.connect("/ws/transcribe", "transcribe") as connection:
        await connection.send(json.dumps({"type": "transcribe", "machine_id": "soak", "language": "en"}))
        await connection.send(wav(visitor.samples))
        assert json.loads(await connection.recv())["text"]


async def whisper(visitor: Visitor) -> None:
    async with visitor.connect("/", "whisper") as connection:
        for piece in visitor.pieces:
            audio = base64.b64encode(piece).decode()
            await connection.send(json.dumps({"type": "stream", "audio": audio, "language": "en"}))
            await asyncio.sleep(_PIECE_SECONDS)
        await connection.send(json.dumps({"type": "stop"}))
        while not (told := json.loads(await connection.recv()))["is_final"]:
            pass
        assert told["type"] == "transcript"


async def live(visitor: Visitor) -> None:
    """Its export is looked at, and deleted."""
    async with visitor.connect("/", "live") as connection:
        await connection.send(json.dumps({"config": {"language": "en", "finals_after_eof": True}}))
        await paced(connection, [*visitor.pieces, "eof"], _PIECE_SECONDS)
        told = [message async for message in connection]
    assert any('"result"' in each for each in told)
    export = visitor.gateway.http(f"/export/transcript/{told[-1]}", "rest")
    async with visitor.web.get(export) as response:
        assert len(await response.json()) > 0
    async with visitor.web.delete(visitor.gateway.http(f"/export/{told[-1]}", "rest")) as response:
        assert response.status == 204


async def vosk(visitor: Visitor) -> None:
    async with visitor.connect("/", "vosk") as connection:
        for piece in visitor.pieces:
            await connection.send(piece)
            await connection.recv()
            await asyncio.sleep(_PIECE_SECONDS)
        await connection.send('{"eof" : 1}')
        assert "text" in json.loads(await connection.recv())


async def realtime(visitor: Visitor) -> None:
    audio = {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}}
    opening = {"type": "session.update", "session": {"type": "transcription", "audio": audio}}
    encoded = wav(visitor.samples[::2], 8000, "ULAW", "RAW")
    appended = [
        json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(encoded[at : at + 800]).decode()})
        for at in range(0, len(encoded), 800)
    ]
    async with visitor.connect("/v1/realtime") as connection:
        await connection.send(json.dumps(opening))
        await paced(connection, [*appended, json.dumps({"type": "input_audio_buffer.commit"})], _PIECE_SECONDS)
        while not (kind := json.loads(await connection.recv())["type"]).endswith("transcription.completed"):
            assert kind != "error"


async def deepgram(visitor: Visitor) -> None:
    async with visitor.connect("/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true") as connection:
        await paced(connection, [*visitor.pieces, '{"type": "CloseStream"}'], _PIECE_SECONDS)
        told = [json.loads(message) async for message in connection]
    assert told[-1]["type"] == "Metadata"
    assert any(each.get("is_final") for each in told)


async def wyoming(visitor: Visitor) -> None:
    form: dict[str, int] = {"rate": RATE, "width": 2, "channels": 1}
    async with AsyncTcpClient("127.0.0.1", visitor.gateway.ports["wyoming"], read_timeout=120) as client:
        await client.write_event(AudioStart(**form).event())
        for piece in visitor.pieces:
            await client.write_event(AudioChunk(**form, audio=piece).event())
            await asyncio.sleep(_PIECE_SECONDS)
        await client.write_event(AudioStop().event())
        event = await client.read_event()
        assert event is not None
        assert Transcript.is_type(event.type)


async def openai(visitor: Visitor) -> None:
    form = aiohttp.FormData({"model": "whisper-1", "response_format": "json", "language": "en"})
    form.add_field("file", wav(visitor.samples), filename="a.wav")
    assert (await visitor.post("/v1/audio/transcriptions", data=form))["text"]


async def listen(visitor: Visitor) -> None:
    audio = {"data": wav(visitor.samples), "headers": {"Content-Type": "audio/wav"}}
    told = await visitor.post("/v1/listen?language=en", **audio)
    assert told["results"]["channels"]


Talk = Callable[[Visitor], Awaitable[None]]
DIALECTS: Mapping[str, Talk] = {
    each.__name__: each
    for each in (
        *(endpoint, endpoint_opus, summary, verify, language, transcribe, whisper, live, vosk, realtime, deepgram),
        *(wyoming, openai, listen),
    )
}
