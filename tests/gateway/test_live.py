"""The live port as its clients use it: two client libraries, the real gateway, the real Triton."""

import asyncio
import contextlib
import functools
import io
import json
import os
import signal
import time
import urllib.request
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websocket
import websockets

from export.training.scoring import distance
from frontend.speech import RATE, Samples
from tests.bench.conversation import Speech, speech
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, TritonAddress, running_triton, wait_until

Message = str | bytes
Client = Callable[[str, Sequence[Message]], tuple[str, list[str], int | None]]
CONTROL_UNKNOWN = "control message unknown"
# What a client says first that wants the finals of what was still to be transcribed.
FINALS = '{"config": {"finals_after_eof": true}}'


def with_websockets(url: str, messages: Sequence[Message]) -> tuple[str, list[str], int | None]:
    """The export's id as the upgrade names it, all that was told, and the close code."""

    async def run() -> tuple[str, list[str], int | None]:
        async with websockets.connect(url, max_size=1 << 20) as connection:
            assert connection.response is not None
            told: list[str] = []
            for message in messages:
                await connection.send(message)
            with contextlib.suppress(websockets.ConnectionClosed):
                while True:
                    told.append(str(await connection.recv()))
            return connection.response.headers["X-Transcription-Id"], told, connection.close_code

    return asyncio.run(run())


def with_websocket_client(url: str, messages: Sequence[Message]) -> tuple[str, list[str], int | None]:
    connection = websocket.create_connection(url, timeout=60)
    for message in messages:
        connection.send(message) if isinstance(message, str) else connection.send_binary(message)
    told: list[str] = []
    while True:
        opcode, data = connection.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            connection.shutdown()
            return connection.getheaders()["x-transcription-id"], told, int.from_bytes(data[:2], "big")
        if opcode == websocket.ABNF.OPCODE_TEXT:
            told.append(data.decode())


CLIENTS = [with_websockets, with_websocket_client]


@functools.cache
def spoken(count: int = 4) -> Speech:
    """In a language whose sentences the trained recogniser knows."""
    return speech(7, count, "de")


def frames(samples: Samples, size_bytes: int = 3200) -> list[Message]:
    data = samples.tobytes()
    return [data[start : start + size_bytes] for start in range(0, len(data), size_bytes)]


def finals(told: Sequence[str]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in told if text.startswith('{"result"')]


def words(told: Sequence[str]) -> list[dict[str, Any]]:
    return [word for final in finals(told) for word in final["result"]]


def fetch(gateway: GatewayAddress, path: str) -> bytes:
    with urllib.request.urlopen(gateway.http(path, "rest"), timeout=10) as response:
        return bytes(response.read())


@pytest.mark.parametrize("client", CLIENTS)
def test_speech_becomes_partials_finals_and_an_export(gateway: GatewayAddress, client: Client) -> None:
    export_id, told, close_code = client(gateway.ws("/", "live"), [FINALS, *frames(spoken().samples), "eof"])
    assert (told[-1], close_code) == (export_id, 1000)
    heard = words(told)
    said = spoken().text.split()
    assert distance([word["word"] for word in heard], said) <= 0.3 * len(said)
    times = [moment for word in heard for moment in (word["start"], word["end"])]
    assert times == sorted(times)
    assert all(0 < word["conf"] <= 1 and word["word"] == word["word"].strip() for word in heard)
    assert all(final["text"] == "".join(f" {word['word']}" for word in final["result"]) for final in finals(told))
    for each in spoken().said:
        assert min(abs(word["start"] - each.start_seconds) for word in heard) < 0.3
    assert json.loads(fetch(gateway, f"/export/transcript/{export_id}")) == finals(told)
    with wave.open(io.BytesIO(fetch(gateway, f"/export/audio/{export_id}"))) as kept:
        assert kept.readframes(1 << 30) == spoken().samples.tobytes()


def test_finals_do_not_depend_on_how_the_bytes_were_cut(gateway: GatewayAddress) -> None:
    url = gateway.ws("/anything", "live")
    expected = with_websockets(url, [FINALS, *frames(spoken().samples, 64_000), '{"eof" : 1}'])[1]
    told = with_websocket_client(url, [FINALS, *frames(spoken().samples, 777), '{"type":"eof"}'])[1]
    assert finals(told) == finals(expected)


async def test_partials_come_while_somebody_speaks(gateway: GatewayAddress) -> None:
    async with websockets.connect(gateway.ws("/", "live")) as connection:
        await connection.send(FINALS)
        began = time.monotonic()
        for number, frame in enumerate(frames(spoken().samples)[:35]):
            await asyncio.sleep(max(0.0, began + (number + 1) / 10 - time.monotonic()))
            await connection.send(frame)
        told = [json.loads(await connection.recv()) for _ in range(3)]
        assert all(list(each) == ["partial"] for each in told)
        await connection.send("eof")
        assert any(each.startswith('{"result"') for each in [str(message) async for message in connection])


@pytest.mark.parametrize("client", CLIENTS)
def test_without_audio_there_is_only_the_id(gateway: GatewayAddress, client: Client) -> None:
    export_id, told, close_code = client(gateway.ws("/", "live"), ["eof"])
    assert (told, close_code) == ([export_id], 1000)
    assert json.loads(fetch(gateway, f"/export/transcript/{export_id}")) == []


def test_silence_has_empty_partials_and_no_finals(gateway: GatewayAddress) -> None:
    export_id, told, _ = with_websockets(gateway.ws("/", "live"), [bytes(32_000)] * 3 + ["eof"])
    assert {*told} <= {export_id, '{"partial": ""}'}
    assert told[-1] == export_id


@pytest.mark.parametrize("client", CLIENTS)
def test_after_eof_the_id_is_the_next_and_only_text(gateway: GatewayAddress, client: Client) -> None:
    """Where the answer to what was sent just before it stands is where the client said eof."""
    export_id, told, close_code = client(gateway.ws("/", "live"), [*frames(spoken().samples), "over", "eof"])
    assert told[told.index(CONTROL_UNKNOWN) + 1 :] == [export_id]
    assert close_code == 1000
    exported = json.loads(fetch(gateway, f"/export/transcript/{export_id}"))
    kept = [word["word"] for final in exported for word in final["result"]]
    said = spoken().text.split()
    assert distance(kept, said) <= 0.3 * len(said)


def test_a_config_names_another_rate_and_other_text_is_unknown(gateway: GatewayAddress) -> None:
    eight = spoken().samples[::2]
    messages = ['{"config":{"sample_rate":"8000","finals_after_eof":true}}', *frames(eight), "hello", "eof"]
    _, told, _ = with_websockets(gateway.ws("/", "live"), messages)
    assert told.count(CONTROL_UNKNOWN) == 1
    assert abs(words(told)[-1]["end"] - spoken().said[-1].end_seconds) < 0.4


def test_a_config_that_cannot_be_is_hung_up_on(gateway: GatewayAddress) -> None:
    assert with_websockets(gateway.ws("/", "live"), ['{"config":{"sample_rate":1}}'])[1:] == ([], 1003)


def test_keys_are_asked_for(triton: Any, tmp_path: Path) -> None:
    with running_gateway(triton, tmp_path, {"GATEWAY_KEYS__CLIENTS": '["me:secret"]'}) as gateway:
        url = gateway.ws("/", "live")
        refused = ["Provided api key is invalid"], 1008
        assert with_websockets(url, [bytes(320)])[1:] == refused
        assert with_websockets(url, ['{"Authorization":"wrong"}'])[1:] == refused
        export_id, told, close_code = with_websockets(url, ['{"Authorization":"secret"}', bytes(320), "eof"])
        assert (told, close_code) == ([export_id], 1000)


@pytest.mark.parametrize("end", [[], ["eof"]])
def test_a_client_that_leaves_is_exported_all_the_same(gateway: GatewayAddress, end: list[str]) -> None:
    async def leave() -> str:
        connection = await websockets.connect(gateway.ws("/", "live"))
        for message in [*frames(spoken().samples), *end]:
            await connection.send(message)
        assert connection.response is not None
        connection.transport.abort() if not end else await connection.close()
        return str(connection.response.headers["X-Transcription-Id"])

    export_id = asyncio.run(leave())
    state = "complete" if end else "incomplete"

    def listed() -> list[dict[str, Any]]:
        return [each for each in json.loads(fetch(gateway, "/export")) if each["id"] == export_id]

    wait_until(lambda: bool(listed()) and listed()[0]["state"] == state, 30, lambda: str(listed()))
    assert json.loads(fetch(gateway, f"/export/transcript/{export_id}"))


def test_a_long_recording_pushed_at_once_is_whole_and_takes_little_memory(gateway: GatewayAddress) -> None:
    """Ten minutes: 19 MiB of audio, mostly pauses."""
    block = np.concatenate([spoken(1).samples, np.zeros(60 * RATE - len(spoken(1).samples), np.int16)])
    url = gateway.ws("/", "live")
    alone = [word["word"] for word in words(with_websockets(url, [FINALS, *frames(block, 1 << 16), "eof"])[1])]
    before = gateway.metric("gateway_resident_memory_bytes")
    _, told, close_code = with_websockets(url, [FINALS, *frames(np.tile(block, 10), 1 << 16), "eof"])
    assert close_code == 1000
    assert [word["word"] for word in words(told)] == alone * 10
    assert gateway.metric("gateway_resident_memory_bytes") - before < 32 << 20


def test_ten_streams_survive_the_death_of_triton_with_the_same_finals(tmp_path: Path) -> None:
    """Killed in the middle; what is told in the end is what an undisturbed stream is told."""
    data = frames(spoken(3).samples)

    async def ten(url: str, triton: TritonAddress) -> list[list[str]]:
        begun = asyncio.Semaphore(0)
        streams = [asyncio.create_task(paced(url, data, 0.03, begun)) for _ in range(10)]
        for _ in range(10 * len(data) // 2):
            await begun.acquire()
        assert triton.server_pid is not None
        os.kill(triton.server_pid, signal.SIGKILL)
        return await asyncio.gather(*streams)

    with (
        running_triton(ROOT / "model_repository", tmp_path / "triton") as triton,
        running_gateway(triton, tmp_path / "gateway") as gateway,
    ):
        url = gateway.ws("/", "live")
        expected = asyncio.run(paced(url, data, 0.0, asyncio.Semaphore(0)))
        for told in asyncio.run(ten(url, triton)):
            assert finals(told) == finals(expected)


async def paced(url: str, data: Sequence[Message], pause_seconds: float, begun: asyncio.Semaphore) -> list[str]:
    async with websockets.connect(url, ping_interval=None) as connection:
        await connection.send(FINALS)
        for frame in data:
            await connection.send(frame)
            begun.release()
            await asyncio.sleep(pause_seconds)
        await connection.send("eof")
        return [str(message) async for message in connection]


def test_a_stream_that_goes_on_in_another_language_is_followed(gateway: GatewayAddress) -> None:
    parts = [speech(seed, 2, language) for seed, language in ((31, "de"), (32, "it"), (33, "es"))]
    samples = np.concatenate([part.samples for part in parts])
    said = " ".join(part.text for part in parts).split()
    _, told, _ = with_websockets(gateway.ws("/", "live"), [FINALS, *frames(samples), "eof"])
    assert distance([word["word"] for word in words(told)], said) <= 0.35 * len(said)
