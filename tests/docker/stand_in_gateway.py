"""A gateway for the tests of `make run`: listens on its first port and is ready when Triton is."""

from __future__ import annotations

import http.client
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from frontend.config.loading import load


class Handler(BaseHTTPRequestHandler):
    triton_port: int

    def do_GET(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.triton_port, timeout=5)
        try:
            connection.request("GET", "/v2/models/adder/ready")
            status = connection.getresponse().status
        except OSError:
            status = 503
        finally:
            connection.close()
        self.send_response(200 if status == 200 else 503)
        self.end_headers()
        self.wfile.write(b"adder: no inference yet" if status != 200 else b"ready")

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    config = sys.argv[sys.argv.index("--config") + 1] if "--config" in sys.argv else None
    settings = load(Path(config) if config else None, os.environ)
    Handler.triton_port = settings.triton.http_port
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    HTTPServer(("127.0.0.1", settings.ports.whisper), Handler).serve_forever()
