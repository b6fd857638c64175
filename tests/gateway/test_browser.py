"""What a real browser records: Chromium, a microphone that plays a file, MediaRecorder in blobs of four seconds."""

import contextlib
import functools
import http.server
import json
import os
import queue
import signal
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gateway_server import GatewayAddress
from tests.readings import parts
from tests.sounds import wav
from tests.voices import silence

PAGE = Path(__file__).with_name("recorder.html")
ENOUGH_BYTES = 20_000


class Site(http.server.BaseHTTPRequestHandler):
    """The page, and the place where it reports."""

    def __init__(self, reports: "queue.Queue[Any]", *connection: Any) -> None:
        self._reports = reports
        super().__init__(*connection)

    def do_GET(self) -> None:
        self._reply(PAGE.read_bytes())

    def do_POST(self) -> None:
        self._reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._reply(b"")

    def log_message(self, *_: Any) -> None:
        pass

    def _reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def site(reports: "queue.Queue[Any]") -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Site, reports)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def browsing(address: str, microphone: Path, profile: Path) -> Iterator[None]:
    options = [f"--user-data-dir={profile}", f"--use-file-for-fake-audio-capture={microphone}"]
    options += ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
    options += ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    command = ["chromium", *options, address]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent, start_new_session=True) as browser:
        try:
            yield
        finally:
            os.killpg(browser.pid, signal.SIGKILL)  # with all its helpers


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person who reads for as long as we listen: the file is played over and over."""
    path = tmp_path_factory.mktemp("microphone") / "speech.wav"
    path.write_bytes(wav(np.concatenate([silence(0.4), *parts(), silence(0.6)])))
    return path


@pytest.mark.parametrize("recorded", ["audio/mp4", "audio/webm"])
def test_a_browser_learns_its_language_from_the_first_blobs(
    gateway: GatewayAddress, microphone: Path, tmp_path: Path, recorded: str
) -> None:
    reports: queue.Queue[Any] = queue.Queue()
    with site(reports) as address:
        asked = urllib.parse.quote(json.dumps([gateway.ws("/ws"), recorded]))
        with browsing(f"{address}#{asked}", microphone, tmp_path / "profile"):
            report = reports.get(timeout=60)
    assert report["answer"]["status"] == "success", report
    assert report["answer"]["data"]["language"] == "en"
    *before, last = report["blobs"]
    assert sum(before) < ENOUGH_BYTES <= sum(before) + last, "it was answered with the blob that made it enough"
