"""What the gateway is measured with and against, each in a process of its own for as long as its block lasts."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from export.failure import ExportError
from tests.gateway_server import stop
from tests.triton_server import ROOT, child_pids, free_ports, wait_until

_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
_FRAMEWORK = "tests.bench.density.framework_gateway:app"


class Server:
    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self._pid = pid

    @property
    def pids(self) -> Sequence[int]:
        """Granian's work is done by a process that it starts."""
        return [self._pid, *child_pids(self._pid)]


@contextlib.contextmanager
def bare_socket() -> Iterator[Server]:
    (port,) = free_ports(1)
    with _running([sys.executable, "-m", "tests.bench.density.bare_socket", str(port)], port) as server:
        yield server


@contextlib.contextmanager
def null_triton() -> Iterator[Server]:
    (port,) = free_ports(1)
    with _running([sys.executable, "-m", "tests.bench.density.null_triton", str(port)], port) as server:
        yield server


@contextlib.contextmanager
def uvicorn() -> Iterator[Server]:
    (port,) = free_ports(1)
    options = ["--port", str(port), "--loop", "uvloop", "--log-level", "warning"]
    with _running([str(_PYTHON), "-m", "uvicorn", _FRAMEWORK, *options], port) as server:
        yield server


@contextlib.contextmanager
def granian() -> Iterator[Server]:
    (port,) = free_ports(1)
    options = ["--port", str(port), "--interface", "asgi", "--loop", "uvloop", "--log-level", "warning"]
    with _running([str(_PYTHON), "-m", "granian", _FRAMEWORK, *options], port) as server:
        yield server


@contextlib.contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[Server]:
    if not Path(command[0]).exists():
        raise ExportError(
            f"{command[0]} is missing: install what others' servers need with `sh docker/install.sh bench`"
        )
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})

    def listens() -> bool:
        assert process.poll() is None, f"{command[2]} ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        wait_until(listens)
        yield Server(port, process.pid)
    finally:
        stop(process)
