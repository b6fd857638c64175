"""A real S3-compatible server for tests: rclone's, over a folder, with signatures checked."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.triton_server import free_ports

ACCESS_KEY, SECRET_KEY = "a-gateway-of-tests", "a-secret-of-tests"
BUCKET = "recordings"
START_SECONDS = 20.0


@dataclass(frozen=True)
class Bucket:
    """Where it is, and the folder behind it; the server may be down."""

    folder: Path
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    @contextlib.contextmanager
    def served(self, *flags: str) -> Iterator[None]:
        command = [str(Path(sys.executable).with_name("rclone")), "serve", "s3", str(self.folder.parent)]
        with subprocess.Popen(
            [*command, *self._flags(), *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                deadline = time.monotonic() + START_SECONDS
                while not self._listens():
                    assert server.poll() is None, "the server ended"
                    assert time.monotonic() < deadline, "the server does not listen"
                    time.sleep(0.02)
                yield
            finally:
                server.kill()

    def _flags(self) -> Sequence[str]:
        return "--config=", f"--addr=127.0.0.1:{self.port}", f"--auth-key={ACCESS_KEY},{SECRET_KEY}"

    def _listens(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0


def empty_bucket(directory: Path) -> Bucket:
    folder = directory / "served" / BUCKET
    folder.mkdir(parents=True)
    return Bucket(folder, free_ports(1)[0])
