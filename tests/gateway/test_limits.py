"""What is refused, and how: no models, no room, too much."""

import asyncio
import contextlib
import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import websockets

from tests.gateway.rest import TEMPLATES, post, post_samples
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import TritonAddress, wait_until
from tests.voices import TEXT, say, silence

SOCKET = "/speech_summary_stream"


async def refusal(url: str) -> tuple[int, str | None, bytes]:
    """Status, Retry-After and body of an upgrade that is not accepted."""
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(url)
    response = refused.value.response
    return response.status_code, response.headers.get("Retry-After"), bytes(response.body or b"")


async def test_without_models_everything_is_refused_at_once_and_says_why(tmp_path: Path) -> None:
    with running_gateway(None, tmp_path) as gateway:
        status, body = gateway.get("/health/ready")
        assert status == 503
        assert json.loads(body)["models"]["vad"] == "the models do not answer"
        status, retry_after, body = await refusal(gateway.ws(SOCKET))
        assert (status, retry_after) == (503, "1")
        assert json.loads(body)["message"] == "the models are not ready yet, try again soon"
        begun = time.monotonic()
        assert (await asyncio.to_thread(post_samples, gateway, TEMPLATES + "samples", say(TEXT)))[0] == 503
        assert time.monotonic() - begun < 10, "it waited for models that never answered"
        assert gateway.get("/health/live")[0] == 200


def test_a_summary_needs_no_model_but_vad(triton: TritonAddress, tmp_path: Path) -> None:
    with running_gateway(triton, tmp_path, {"GATEWAY_TRITON__MODELS": "[vad]"}) as gateway:
        status, body = post_samples(gateway, "/speech_summary_engine/get_speech_summary_from_samples", silence(1.0))
        assert (status, json.loads(body)["total_length"]) == (200, 1.0)
        assert post_samples(gateway, TEMPLATES + "samples", silence(1.0))[0] == 503


async def test_one_connection_too_many_is_refused_and_room_comes_back(triton: TritonAddress, tmp_path: Path) -> None:
    with running_gateway(triton, tmp_path, {"GATEWAY_SERVER__MAX_CONNECTIONS": "2"}) as gateway:
        async with websockets.connect(gateway.ws(SOCKET)), websockets.connect(gateway.ws(SOCKET)):
            status, retry_after, body = await refusal(gateway.ws(SOCKET))
            assert (status, retry_after) == (503, "1")
            assert "no more connections" in json.loads(body)["message"]
            assert gateway.metric('gateway_refused_total{reason="overloaded"}') == 1
        async with asyncio.timeout(10):
            async for connection in websockets.connect(gateway.ws(SOCKET)):
                await connection.send("16000")
                assert await connection.recv() == "200"
                await connection.close()
                break


def test_an_upload_over_the_limit_is_a_413_and_nothing_stays_held(triton: TritonAddress, tmp_path: Path) -> None:
    with running_gateway(triton, tmp_path, {"GATEWAY_LIMITS__UPLOAD_BYTES": "100000"}) as gateway:
        status, body = post_samples(gateway, TEMPLATES + "samples", silence(10.0))
        assert status == 413
        assert "100000" in json.loads(body)["message"]
        assert gateway.metric("gateway_held_bytes") == 0


async def test_uploads_leave_the_streams_their_room(triton: TritonAddress, tmp_path: Path) -> None:
    limits = {"HELD": "4000000", "REST_HELD": "1000000", "FILES_HELD": "2000000"}
    settings = {f"GATEWAY_LIMITS__{name}_BYTES": value for name, value in limits.items()}
    index_comes_later = (b"\0\0\0\x20ftypisom" + bytes(20) + b"\x7f\0\0\0mdat").ljust(900_000, b"\0")
    async with contextlib.AsyncExitStack() as stack:
        gateway = stack.enter_context(running_gateway(triton, tmp_path, settings))
        stream, first, second = [
            await stack.enter_async_context(websockets.connect(gateway.ws(path))) for path in (SOCKET, "/ws", "/ws")
        ]
        await stream.send("16000")
        assert await stream.recv() == "200"
        await first.send(index_comes_later)
        await asyncio.to_thread(wait_until, lambda: gateway.metric("gateway_held_bytes") >= 900_000)
        await second.send(index_comes_later * 2)
        with pytest.raises(websockets.ConnectionClosed, match=r"1013.*holds too many files now"):
            await second.recv()
        await stream.send(silence(1.0).tobytes())
        assert json.loads(await stream.recv())["speech_length"] == 0.0


async def test_a_stop_answers_what_has_arrived_and_closes_with_1001(triton: TritonAddress, tmp_path: Path) -> None:
    with running_gateway(triton, tmp_path) as gateway:
        connection = await websockets.connect(gateway.ws(SOCKET))
        await connection.send("16000")
        await connection.recv()
        for _ in range(50):
            await connection.send(silence(0.1).tobytes())
        arrived = 'gateway_messages_total{kind="binary",protocol="speech_summary_stream"}'
        await asyncio.to_thread(wait_until, lambda: gateway.metric(arrived) == 50)
        os.kill(gateway.pid, signal.SIGTERM)
        assert [json.loads(await connection.recv())["speech_length"] for _ in range(50)] == [0.0] * 50
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
        assert connection.close_code == 1001


def test_a_request_that_is_no_upgrade_is_told_so(gateway: GatewayAddress) -> None:
    status, body = gateway.get(SOCKET)
    assert status == 426
    assert "WebSocket" in json.loads(body)["message"]


def test_a_broken_upgrade_is_a_400(gateway: GatewayAddress) -> None:
    request = urllib.request.Request(gateway.http(SOCKET), headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400
    assert json.loads(refused.value.read())["status"] == 400
    assert post(gateway, SOCKET, b"", {})[0] == 405
