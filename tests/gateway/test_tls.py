"""The gateway's own TLS, as clients, operators and workers meet it."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import websockets

from tests.authority import Authority
from tests.gateway_server import running_gateway, running_workers
from tests.triton_server import ROOT, TritonAddress, wait_until
from tests.voices import say

CLIENT = [sys.executable, "-m", "frontend.client"]


def test_a_stream_goes_on_over_tls_while_the_certificate_is_exchanged(triton: TritonAddress, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    settings = authority.settings() | {"GATEWAY_TLS__RELOAD_SECONDS": "0.1"}

    async def talk(url: str, log: Path) -> int:
        async with websockets.connect(url, ssl=authority.trusting) as socket:
            await socket.send("16000")
            assert await socket.recv() == "200"
            authority.write()
            await asyncio.to_thread(wait_until, lambda: "certificate exchanged" in log.read_text(), 30, log.read_text)
            await socket.send(say("good morning").tobytes())
            return len(json.loads(await socket.recv())["current_speech_summary"]["vad_result"]["frames"])

    with running_gateway(triton, tmp_path / "gateway", settings) as gateway:
        assert asyncio.run(talk(gateway.ws("/speech_summary_stream"), gateway.log_file)) > 10


def test_two_workers_both_speak_it(triton: TritonAddress, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def ask(url: str) -> str:
        async with websockets.connect(url, ssl=authority.trusting) as socket:
            await socket.send("16000")
            return str(await socket.recv())

    with running_workers(triton, tmp_path / "gateway", authority.settings()) as gateway:
        assert [asyncio.run(ask(gateway.ws("/speech_summary_stream"))) for _ in range(8)] == ["200"] * 8


@pytest.mark.parametrize(
    ("trusted", "expired", "words"),
    [
        ("authority.pem", False, ""),
        ("foreign/authority.pem", False, "not to be trusted"),
        ("authority.pem", True, "not to be trusted (certificate has expired)"),
        ("key.pem", False, "holds no certificates"),
    ],
)
def test_the_command_line_client_says_why_it_trusts_nobody(
    triton: TritonAddress, tmp_path: Path, trusted: str, expired: bool, words: str
) -> None:
    (tmp_path / "foreign").mkdir()
    Authority(tmp_path / "foreign")
    settings = Authority(tmp_path).settings(expired=expired)
    with running_gateway(triton, tmp_path / "gateway", settings) as gateway:
        command = [*CLIENT, "summary", "--tls", f"--ca={tmp_path / trusted}", f"--port={gateway.ports['voice']}"]
        done = subprocess.run([*command, "tests/hello.wav"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode == 0) == (not words), done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_half_a_setting_is_refused_at_the_start(tmp_path: Path) -> None:
    environment = {"GATEWAY_TLS__CERTIFICATE": str(tmp_path / "none.pem")}
    done = subprocess.run([sys.executable, "-m", "frontend"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "gateway: tls: set both certificate and key, or neither\n"
