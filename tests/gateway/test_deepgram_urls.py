"""Recordings that Deepgram's clients name by their address, with a server that is trusted and with others."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from deepgram.core.api_error import ApiError

from tests.gateway.test_deepgram import client_of, spoken
from tests.gateway.test_openai import WORDS, plain
from tests.gateway_server import GatewayAddress, running_gateway
from tests.sounds import wav
from tests.triton_server import TritonAddress
from tests.voices import silence

UPLOAD_BYTES = 2_000_000


class Recordings(BaseHTTPRequestHandler):
    """What each path stands for; whoever asks for /slow waits until he is hung up on."""

    def do_GET(self) -> None:
        if self.path == "/moved.wav":
            self.send_response(302)
            self.send_header("Location", "/reading.wav")
            self.end_headers()
            return
        content = {"/reading.wav": wav(spoken()), "/long.wav": wav(silence(90.0)), "/slow.wav": wav(silence(1.0))}
        self.send_response(200 if self.path in content else 404)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content.get(self.path, b"")[: 100 if self.path == "/slow.wav" else None])
            if self.path == "/slow.wav":
                self.rfile.read()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextlib.contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Recordings) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def trusted() -> Iterator[str]:
    with serving() as origin:
        yield origin


@pytest.fixture(scope="module")
def fetching(triton: TritonAddress, trusted: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    settings = {
        "GATEWAY_DEEPGRAM__URL_ORIGINS": f"[{trusted}]",
        "GATEWAY_LIMITS__UPLOAD_BYTES": str(UPLOAD_BYTES),
        "GATEWAY_LIMITS__UPLOAD_IDLE_SECONDS": "1.0",
    }
    with running_gateway(triton, tmp_path_factory.mktemp("fetching"), settings) as gateway:
        yield gateway


def test_a_recording_with_a_trusted_server_is_transcribed(fetching: GatewayAddress, trusted: str) -> None:
    with client_of(fetching) as client:
        heard: Any = client.listen.v1.media.transcribe_url(url=f"{trusted}/reading.wav", model="nova-3", language="en")
    assert plain(heard.results.channels[0].alternatives[0].transcript) == WORDS
    assert fetching.metric("gateway_held_bytes") == 0


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("{trusted}/none.wav", 400, "answered with status 404"),
        ("{trusted}/moved.wav", 400, "answered with status 302"),
        ("{trusted}/slow.wav", 400, "less than 4096 bytes came in 1 s"),
        ("{trusted}/long.wav", 413, "larger than 2000000 bytes"),
        ("{trusted}@127.0.0.1:9/reading.wav", 400, "nothing is fetched from"),
        ("http://127.0.0.2:9/reading.wav", 400, "nothing is fetched from http://127.0.0.2:9 here"),
        (f"http://{'a' * 500_000}/", 400, "aaa here"),
        ("file:///etc/passwd", 400, "no address"),
        ("reading.wav", 400, "no address"),
    ],
)
def test_what_cannot_be_fetched_is_told_and_nothing_stays_held(
    fetching: GatewayAddress, trusted: str, url: str, status: int, words: str
) -> None:
    with client_of(fetching) as client, pytest.raises(ApiError) as refused:
        client.listen.v1.media.transcribe_url(url=url.format(trusted=trusted), model="nova-3")
    assert (refused.value.status_code, words in refused.value.body["err_msg"]) == (status, True), refused.value.body
    assert len(refused.value.body["err_msg"]) < 200
    assert refused.value.body["err_code"] == ("REMOTE_CONTENT_ERROR" if status == 400 else "Request Entity Too Large")
    assert fetching.metric("gateway_held_bytes") == 0


def test_a_server_that_is_gone_is_told(triton: TritonAddress, tmp_path: Any) -> None:
    with serving() as origin:
        pass
    settings = {"GATEWAY_DEEPGRAM__URL_ORIGINS": f"[{origin}]"}
    with (
        running_gateway(triton, tmp_path, settings) as gateway,
        client_of(gateway) as client,
        pytest.raises(ApiError, match="cannot be read"),
    ):
        client.listen.v1.media.transcribe_url(url=f"{origin}/reading.wav", model="nova-3")
