"""`/ws`, `/ws/transcribe` and whisper as clients in the field use them: two libraries, the real gateway and models."""

import asyncio
import base64
import json
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websocket
import websockets

from export.evaluation.truth import normalised
from tests.frontend.media.test_decoder import encoded
from tests.frontend.media_files import fragmented_mp4
from tests.gateway_server import GatewayAddress, running_gateway
from tests.readings import PARTS, parts
from tests.sounds import wav
from tests.triton_server import TritonAddress
from tests.voices import silence

Client = Callable[[str, Sequence[str | bytes], int], list[Any]]


def with_websockets(url: str, messages: Sequence[str | bytes], count: int) -> list[Any]:
    async def run() -> list[Any]:
        async with websockets.connect(url) as connection:
            for message in messages:
                await connection.send(message)
            return [json.loads(await connection.recv()) for _ in range(count)]

    return asyncio.run(run())


def with_websocket_client(url: str, messages: Sequence[str | bytes], count: int) -> list[Any]:
    connection = websocket.create_connection(url, timeout=60)
    for message in messages:
        (connection.send if isinstance(message, str) else connection.send_binary)(message)
    answers = [json.loads(connection.recv()) for _ in range(count)]
    connection.shutdown()
    return answers


CLIENTS = pytest.mark.parametrize("client", [with_websockets, with_websocket_client])


@pytest.fixture(scope="module")
def speech() -> "np.ndarray[Any, np.dtype[np.int16]]":
    return np.concatenate([silence(0.4), parts()[0], silence(0.6)])


def words(text: str) -> set[str]:
    return set(normalised(text).split())


@CLIENTS
def test_a_wav_is_transcribed(gateway: GatewayAddress, client: Client, speech: Any) -> None:
    url = gateway.ws("/ws/transcribe", "transcribe")
    asked = json.dumps({"type": "transcribe", "machine_id": "test"})
    ping = json.dumps({"type": "ping"})
    pong, first, second = client(url, [ping, asked, wav(speech), asked, wav(speech, subtype="FLOAT")], 3)
    assert pong == {"type": "pong", "status": "ok"}
    assert {*PARTS[0].split()} <= words(first["text"])
    assert first["language"] == "en"
    assert first["segments"][0]["start"] == pytest.approx(1.4, abs=0.4)  # she draws breath
    assert first["segments"][-1]["end"] <= len(speech) / 16000 + 0.1
    assert words(second["text"]) == words(first["text"])


@CLIENTS
def test_a_stream_is_transcribed_in_partials_and_a_final(gateway: GatewayAddress, client: Client, speech: Any) -> None:
    raw = speech.tobytes()
    partials = max(0, (len(raw) - 96_000) // 64_000 + 1)
    messages = [
        json.dumps({"type": "stream", "audio": base64.b64encode(raw[at : at + 8000]).decode(), "language": None})
        for at in range(0, len(raw), 8000)
    ]
    answers = client(gateway.ws("/", "whisper"), [*messages, json.dumps({"type": "stop"})], partials + 1)
    assert [answer["is_final"] for answer in answers] == [False] * partials + [True]
    assert [answer["duration"] for answer in answers[:-1]] == pytest.approx([3.0] * partials, abs=0.26)
    assert "best" in words(answers[0]["text"])
    assert "worst" in words(" ".join(answer["text"] for answer in answers))


@CLIENTS
@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("mp3", "libmp3lame"), ("ogg", "libopus")])
def test_a_file_is_transcribed_on_any_path(
    gateway: GatewayAddress, client: Client, speech: Any, container: str, codec: str
) -> None:
    file = encoded(container, codec, 48000, np.repeat(speech, 3))
    message = json.dumps({"type": "file", "audio": base64.b64encode(file).decode(), "format": "mp3"})
    (answer,) = client(gateway.ws("/any/path?origin=x", "whisper"), [message], 1)
    assert answer["type"] == "file_transcript"
    assert {"best", "worst", "times"} <= words(answer["text"])
    assert answer["language"] == "en"


@CLIENTS
def test_the_language_of_a_browser_recording_is_told_and_the_connection_closed(
    gateway: GatewayAddress, client: Client, speech: Any
) -> None:
    blobs = fragmented_mp4(np.repeat(np.concatenate([speech, speech]), 3), blob_seconds=4.0)
    (answer,) = client(gateway.ws("/ws"), [blobs[0], blobs[1][:5000]], 1)
    assert answer["status"] == "success"
    assert answer["data"]["language"] == "en"
    assert 0 < answer["data"]["confidence"] <= 1
    assert answer["data"]["connection_id"] == answer["connection_id"]


async def test_the_connection_id_of_the_answer_is_that_of_the_upgrade_and_the_close_is_1000(
    gateway: GatewayAddress, speech: Any
) -> None:
    async with websockets.connect(gateway.ws("/ws")) as connection:
        await connection.send(wav(speech))
        answer = json.loads(await connection.recv())
        assert connection.response is not None
        assert answer["connection_id"] == connection.response.headers["X-Connection-Id"]
        await connection.wait_closed()
        assert connection.close_code == 1000


def test_on_a_port_without_an_owner_the_first_frame_decides(gateway: GatewayAddress, speech: Any) -> None:
    url = gateway.ws("/", "voice")
    (whisper,) = with_websockets(url, [json.dumps({"type": "stop"})], 1)
    assert whisper == {"type": "transcript", "text": "", "is_final": True, "language": "en"}
    connection = websocket.create_connection(url, timeout=60)
    connection.send_binary(speech[:16000].tobytes())
    connection.send('{"eof" : 1}')
    last = [str(text) for text in iter(connection.recv, "") if text][-1]
    assert last == connection.headers["x-transcription-id"]
    connection.shutdown()


def test_figures_come_as_json_to_those_who_want_it(gateway: GatewayAddress) -> None:
    request = urllib.request.Request(gateway.http("/metrics"), headers={"Accept": "application/json"})
    with urllib.request.urlopen(request) as response:
        figures = json.load(response)
    names = ["active_connections", "active_processes", "total_requests", "errors", "avg_processing_time"]
    names += ["memory_usage_mb", "cpu_total_percent", "cpu_per_core", "total_cpu_cores", "effective_cores_used"]
    assert list(figures) == names
    assert figures["total_cpu_cores"] == len(figures["cpu_per_core"]) > 0
    assert gateway.get("/metrics")[1].startswith(b"# HELP")
    assert json.loads(gateway.get("/")[1])["status"] == "ok"
    assert json.loads(gateway.get("/health")[1]) == {"status": "ok", "postprocess_enabled": False}


async def test_an_unauthorized_client_hears_it_at_once_and_is_hung_up_on_after_its_recording(
    triton: TritonAddress, tmp_path: Path, speech: Any
) -> None:
    with running_gateway(triton, tmp_path, {"SERVER_API_KEY": "secret"}) as gateway:
        async with websockets.connect(gateway.ws("/ws/transcribe")) as connection:
            await connection.send(json.dumps({"type": "transcribe", "api_key": "wrong"}))
            assert json.loads(await connection.recv()) == {"error": "unauthorized"}
            await connection.send(wav(speech))
            await connection.wait_closed()
            assert (connection.close_code, connection.close_reason) == (1008, "unauthorized")
        async with websockets.connect(gateway.ws("/ws/transcribe")) as connection:
            await connection.send(json.dumps({"type": "transcribe", "api_key": "secret"}))
            await connection.send(wav(speech))
            assert "text" in json.loads(await connection.recv())
        assert "secret" not in gateway.log_file.read_text()


@pytest.mark.parametrize("begin", [b"[" * (64 << 20), b'{"type": "file", "audio": [' + b"0," * (32 << 20)])
def test_a_huge_bad_message_is_refused_and_nobody_notices(gateway: GatewayAddress, begin: bytes) -> None:
    message = begin[: (64 << 20) - 1]
    connection = websocket.create_connection(gateway.ws("/", "whisper"), timeout=120)
    connection.send(message, websocket.ABNF.OPCODE_TEXT)
    (pong,) = with_websockets(gateway.ws("/ws/transcribe"), [json.dumps({"type": "ping"})], 1)
    assert pong["status"] == "ok"
    assert json.loads(connection.recv())["type"] == "error"
    connection.send(json.dumps({"type": "stop"}))
    assert json.loads(connection.recv())["is_final"]
    connection.close()


def test_a_message_over_the_limit_is_a_1009(gateway: GatewayAddress) -> None:
    connection = websocket.create_connection(gateway.ws("/", "whisper"), timeout=60)
    connection.sock.sendall(b"\x82\xff" + ((64 << 20) + 1).to_bytes(8, "big") + bytes(4))  # it need not all be sent
    _, data = connection.recv_data(control_frame=True)
    assert int.from_bytes(data[:2], "big") == 1009
    connection.shutdown()
