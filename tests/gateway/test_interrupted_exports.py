"""Live streams and their exports through a whole gateway: complete, abandoned, and cut off by kill -9."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, TritonAddress, running_triton, wait_until
from tests.voices import MINE, TEXT, say

DEADLINE_SECONDS = 120.0  # of a busy machine
BLOCK_BYTES = 3200


def fetch(gateway: GatewayAddress, path: str) -> bytes:
    with urllib.request.urlopen(gateway.http(path, "rest"), timeout=30) as response:
        content: bytes = response.read()
    return content


def entry(gateway: GatewayAddress, export_id: str) -> dict[str, Any]:
    return next((each for each in json.loads(fetch(gateway, "/export")) if each["id"] == export_id), {})


def until(gateway: GatewayAddress, export_id: str, state: str, least_seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (found := entry(gateway, export_id)).get("state") != state or found["seconds"] < least_seconds:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def blocks(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + BLOCK_BYTES] for at in range(0, len(pcm), BLOCK_BYTES)]


def test_a_stream_that_ends_with_eof_is_exported_under_the_id_it_was_told(gateway: GatewayAddress) -> None:
    pcm = say(TEXT, MINE).tobytes()
    with connect(gateway.ws("/", "live")) as socket:
        assert socket.response
        for block in blocks(pcm):
            socket.send(block)
        socket.send("eof")
        *heard, export_id = list(socket)
    assert socket.response.headers["X-Transcription-Id"] == export_id
    assert entry(gateway, str(export_id))["state"] == "complete"
    assert fetch(gateway, f"/export/audio/{export_id}")[44:] == pcm
    finals = [final for final in map(json.loads, heard) if "result" in final]
    assert json.loads(fetch(gateway, f"/export/transcript/{export_id}"))[: len(finals)] == finals


def test_a_client_that_vanished_is_exported_as_incomplete(gateway: GatewayAddress) -> None:
    pcm = say(TEXT, MINE).tobytes()
    with connect(gateway.ws("/", "live")) as socket:
        assert socket.response
        export_id = socket.response.headers["X-Transcription-Id"]
        for block in blocks(pcm):
            socket.send(block)
    until(gateway, export_id, "incomplete", 0.0)
    assert fetch(gateway, f"/export/audio/{export_id}")[44:] == pcm


def test_a_client_that_vanished_leaves_its_place_to_the_next_while_its_stream_is_finished(tmp_path: Path) -> None:
    settings = {"GATEWAY_SERVER__MAX_CONNECTIONS": "2", "GATEWAY_SERVER__DRAIN_SECONDS": "0.5"}
    with (
        running_triton(ROOT / "model_repository", tmp_path / "triton") as triton,
        running_gateway(triton, tmp_path / "gateway", settings) as gateway,
    ):
        with connect(gateway.ws("/", "live")) as socket:
            assert socket.response
            export_id = socket.response.headers["X-Transcription-Id"]
            os.kill(triton.pid, signal.SIGSTOP)  # who would restart the other
            os.kill(triton.server_pid or 0, signal.SIGSTOP)
            for block in blocks(say(TEXT, MINE).tobytes()):
                socket.send(block)
        open_connections = 'gateway_connections{protocol="live"}'
        wait_until(lambda: gateway.metric(open_connections) == 0)
        url = gateway.ws("/", "live")
        with connect(url), connect(url), pytest.raises(InvalidStatus, match="503"):
            connect(url)
        until(gateway, export_id, "running", 0.0)  # the disk may take its time to begin it
        os.kill(triton.server_pid or 0, signal.SIGCONT)
        os.kill(triton.pid, signal.SIGCONT)
        until(gateway, export_id, "incomplete", 0.0)


def test_what_kill_9_interrupts_is_there_at_the_next_start(triton: TritonAddress, tmp_path: Path) -> None:
    pcm = say(TEXT, MINE).tobytes()
    with running_gateway(triton, tmp_path) as gateway, connect(gateway.ws("/", "live")) as socket:
        assert socket.response
        export_id = socket.response.headers["X-Transcription-Id"]
        for block in blocks(pcm):
            socket.send(block)
        until(gateway, export_id, "running", len(pcm) / 32_000 - 0.01)
        os.kill(gateway.pid, signal.SIGKILL)
    with running_gateway(triton, tmp_path) as gateway:
        assert entry(gateway, export_id)["state"] == "incomplete"
        assert fetch(gateway, f"/export/audio/{export_id}")[44:] == pcm
        assert isinstance(json.loads(fetch(gateway, f"/export/transcript/{export_id}")), list)
