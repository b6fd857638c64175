"""Transcripts are corrected by a chat server that the gateway was told of, and survive one that fails."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.gateway_server import GatewayAddress, running_gateway
from tests.sounds import wav
from tests.triton_server import TritonAddress
from tests.voices import say

KEY = "sk-very-secret"
SENTENCE = "The hotel is forty kilometers away."


class Chat(BaseHTTPRequestHandler):
    """Corrects to capital letters; fails where the key is another one, and for German."""

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = self.headers["Authorization"] == f"Bearer {KEY}" and self.path == "/v1/chat/completions"
        text = question["messages"][-1]["content"].upper()
        body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        failing = not known or "language de" in question["messages"][0]["content"]
        self.send_response(500 if failing else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def correcting(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings = {
        "GATEWAY_POSTPROCESS__BASE_URL": f"http://127.0.0.1:{server.server_port}/v1",
        "GATEWAY_POSTPROCESS__MODEL": "tiny",
        "GATEWAY_POSTPROCESS__API_KEY": KEY,
    }
    with running_gateway(triton, tmp_path_factory.mktemp("correcting"), settings) as gateway:
        yield gateway
    server.shutdown()
    thread.join()
    server.server_close()


def transcribe(gateway: GatewayAddress, **metadata: Any) -> dict[str, Any]:
    with connect(gateway.ws("/ws/transcribe", "transcribe")) as socket:
        socket.send(json.dumps({"type": "transcribe"} | metadata))
        socket.send(wav(say(SENTENCE)))
        answer: dict[str, Any] = json.loads(socket.recv())
        return answer


def test_a_transcript_is_corrected_where_it_is_asked_for(correcting: GatewayAddress) -> None:
    answer = transcribe(correcting, postprocess=True)
    assert answer["text"]
    assert answer["postprocessed_text"] == answer["text"].upper()
    assert answer["postprocess_error"] is None
    assert answer["postprocess_ms"] > 0
    assert transcribe(correcting)["postprocessed_text"] is None


def test_a_failed_correction_leaves_the_transcript(correcting: GatewayAddress) -> None:
    answer = transcribe(correcting, postprocess=True, language="de")
    assert answer["text"]
    assert answer["postprocessed_text"] is None
    assert answer["postprocess_error"] == "the language model answered with status 500"


def test_neither_key_nor_transcript_is_logged(correcting: GatewayAddress) -> None:
    text = transcribe(correcting, postprocess=True, language="de")["text"]
    log = Path(correcting.log_file).read_text()
    assert "postprocess_failed" in log
    assert KEY not in log
    assert text.strip() not in log


def test_without_a_chat_server_it_is_told_that_there_is_none(gateway: GatewayAddress) -> None:
    answer = transcribe(gateway, postprocess=True)
    assert answer["text"]
    told = [answer[key] for key in ("postprocessed_text", "postprocess_ms", "postprocess_error")]
    assert told == [None, 0, "post-processing is not configured"]
