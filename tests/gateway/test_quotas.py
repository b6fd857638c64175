"""Limits by key as each protocol's clients meet them: the real gateway, two workers that count together."""

import asyncio
import base64
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets

from frontend.keys.hashed import hashed
from tests.gateway.connections import worker_of
from tests.gateway.rest import ask, post
from tests.gateway_server import GatewayAddress, running_workers
from tests.triton_server import TritonAddress, wait_until
from tests.voices import TEXT, say

SECONDS = 12
SAID = say(TEXT)[: 16000 * SECONDS].tobytes()
QUOTAS = """
one streams=1
two streams=2
few requests_a_minute=1
short audio_seconds_a_day=10
small bytes_a_day=1000000
speech protocols=live,speech_endpoint_detector,openai
unkept recordings=no
"""
NAMES = [line.partition(" ")[0] for line in QUOTAS.split("\n") if line]
REALTIME = {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}


@pytest.fixture(scope="module")
def limited(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    folder = tmp_path_factory.mktemp("limited")
    keys = folder / "keys.txt"
    keys.write_text("\n".join(hashed(name, name, "0123456789abcdef").line for name in NAMES) + QUOTAS)
    with running_workers(triton, folder, {"GATEWAY_KEYS__FILES": f"[{keys}]"}) as address:
        yield address


def opened(limited: GatewayAddress, path: str, name: str, port: str = "voice") -> Any:
    return websockets.connect(limited.ws(path, port), additional_headers={"key": name}, max_size=None)


async def refused(limited: GatewayAddress, path: str, name: str) -> tuple[int, Any, str | None]:
    with pytest.raises(websockets.InvalidStatus) as told:
        await opened(limited, path, name)
    response = told.value.response
    return response.status_code, json.loads(response.body or b"null"), response.headers.get("Retry-After")


async def heard(connection: Any) -> AsyncIterator[Any]:
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            yield await connection.recv()


async def test_streams_are_one_number_for_all_workers_and_free_when_one_dies(limited: GatewayAddress) -> None:
    first = await opened(limited, "/vosk", "two")
    other = await opened(limited, "/vosk", "two")
    while worker_of(other) == worker_of(first):
        await other.close()
        other = await opened(limited, "/vosk", "two")
    for _ in range(6):  # some of each worker
        status, told, retry = await refused(limited, "/vosk", "two")
        assert (status, retry) == (429, "5")
        assert told["message"] == "streams: this key has 2 connections at once: close one first"
    os.kill(limited.worker_pids[0], signal.SIGKILL)
    await asyncio.to_thread(
        wait_until, lambda: "worker died" in limited.log_file.read_text()
    )  # its places are free then
    again = await opened(limited, "/vosk", "two")
    assert (await refused(limited, "/vosk", "two"))[0] == 429
    for connection in (first, other, again):
        await connection.close()
    await asyncio.to_thread(wait_until, lambda: limited.metric("gateway_workers") == 2)


async def test_audio_of_a_day_ends_a_stream_in_its_own_words_and_no_other_begins(limited: GatewayAddress) -> None:
    async with opened(limited, "/live", "short") as connection:
        await connection.send(SAID)
        assert [text async for text in heard(connection) if "text" not in text and "partial" not in text] == []
        assert connection.close_code == 1013
        assert (
            connection.close_reason == "audio_seconds_a_day: this key has 10 s of audio a day: begins anew at 00:00 UTC"
        )
    status, told, retry = await refused(limited, "/v1/listen?encoding=linear16&sample_rate=16000", "short")
    assert (status, told["err_code"]) == (429, "TOO_MANY_REQUESTS")
    assert 0 < int(retry or 0) <= 86_400
    status, body = await asyncio.to_thread(post, limited, "/v1/listen", SAID, {"key": "short"})
    assert (status, json.loads(body)["err_code"]) == (429, "TOO_MANY_REQUESTS")
    status, body = await asyncio.to_thread(post, limited, "/v1/audio/transcriptions", b"", {"key": "short"})
    assert (status, json.loads(body)["error"]["code"]) == (429, "insufficient_quota")


async def test_bytes_of_a_day_end_a_conversation_in_its_own_words(limited: GatewayAddress) -> None:
    async with opened(limited, "/v1/realtime", "small") as connection:
        event = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(300_000)).decode()})
        for _ in range(3):
            await connection.send(event)
        *_, last = [json.loads(text) async for text in heard(connection)]
        assert last["error"]["code"] == "insufficient_quota"
        assert "bytes_a_day: this key has 1000000 bytes a day" in last["error"]["message"]
        assert connection.close_code == 1013
    assert (await refused(limited, "/speech_endpoint_detector", "small"))[0] == 429


async def test_requests_of_a_minute_are_counted_over_sockets_and_rest(limited: GatewayAddress) -> None:
    told = [await asyncio.to_thread(ask, limited, "/v1/models", "GET", {"key": "few"}) for _ in range(4)]
    assert 429 in [status for status, _, _ in told[1:]]
    _, body, headers = next(each for each in told if each[0] == 429)
    assert json.loads(body)["error"]["type"] == "rate_limit_error"
    assert 1 <= int(headers["Retry-After"]) <= 60


async def test_a_key_opens_what_it_is_for_and_says_what_that_is(limited: GatewayAddress) -> None:
    async with opened(limited, "/live", "speech"):
        pass
    for path in ("/vosk", "/speech_summary_stream", "/ws/transcribe", "/v1/realtime"):
        status, told, _ = await refused(limited, path, "speech")
        assert status == 403
        assert "this key is for live, speech_endpoint_detector, openai alone" in json.dumps(told)
    assert (await asyncio.to_thread(ask, limited, "/v1/models", "GET", {"key": "speech"}))[0] == 200
    assert (await asyncio.to_thread(ask, limited, "/export", "GET", {"key": "speech"}))[0] == 403
    async with websockets.connect(limited.ws("/ws/transcribe")) as connection:
        await connection.send('{"type": "transcribe", "api_key": "speech"}')
        assert [json.loads(text) async for text in heard(connection)] == [
            {"error": "this key is for live, speech_endpoint_detector, openai alone"}
        ]
        assert (connection.close_code, connection.close_reason) == (1008, "forbidden")


async def test_who_shows_its_key_in_a_message_is_told_there(limited: GatewayAddress) -> None:
    authorized = '{"Authorization": "one"}'
    async with websockets.connect(limited.ws("/live")) as first, websockets.connect(limited.ws("/live")) as second:
        await first.send(authorized)
        await first.send(bytes(320))
        await first.send("nonsense")
        assert await first.recv() == "control message unknown"
        await second.send(authorized)
        assert [text async for text in heard(second)] == [
            "streams: this key has 1 connections at once: close one first"
        ]
        assert (second.close_code, second.close_reason) == (1013, "quota")


async def test_of_who_wants_no_recordings_none_is_kept(limited: GatewayAddress) -> None:
    async with opened(limited, "/live", "unkept") as connection:
        export_id = connection.response.headers["X-Transcription-Id"]
        await connection.send(bytes(32_000))
        await connection.send("eof")
        assert [text async for text in heard(connection)][-1] == export_id
    status, _, _ = await asyncio.to_thread(ask, limited, f"/export/transcript/{export_id}", "GET", {"key": "unkept"})
    assert status == 404
    status, body, _ = await asyncio.to_thread(ask, limited, "/export", "GET", {"key": "unkept"})
    assert (status, body) == (200, b"[]")


def test_limits_of_addresses_hold_where_nobody_needs_a_key(triton: TritonAddress, tmp_path: Path) -> None:
    settings = {"GATEWAY_ADDRESS_LIMITS__PROTOCOLS": "[wyoming, rest]", "GATEWAY_ADDRESS_LIMITS__STREAMS": "1"}
    with running_workers(triton, tmp_path, settings) as gateway:
        assert asyncio.run(wyoming(gateway)) == (
            "streams: this address has 1 connections at once: close one first",
            "1013",
        )
        assert ask(gateway, "/core/get_build_info")[0] == 200
        assert ask(gateway, "/export")[0] == 403
        assert gateway.metric('gateway_limited_total{key="",limit="streams"}') >= 1


async def wyoming(gateway: GatewayAddress) -> tuple[str, str]:
    """What a second connection is told."""
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.ports["wyoming"])
    writer.write(b'{"type": "ping"}\n')
    assert b"pong" in await _.readline()
    reader, second = await asyncio.open_connection("127.0.0.1", gateway.ports["wyoming"])
    told = json.loads(await reader.readline())
    for each in (writer, second):
        each.close()
    assert told["type"] == "error"
    return told["data"]["text"], told["data"]["code"]
