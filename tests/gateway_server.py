"""The gateway for tests: the real process on free ports in front of a Triton that runs, gone when the block ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.triton_server import ROOT, TritonAddress, free_ports

START_SECONDS = 60.0
STOP_SECONDS = 30.0
PORTS = ("whisper", "live", "rest", "voice", "transcribe")


@dataclass(frozen=True)
class GatewayAddress:
    ports: Mapping[str, int]
    pid: int
    log_file: Path

    def http(self, path: str, port: str = "voice") -> str:
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def ws(self, path: str, port: str = "voice") -> str:
        return f"ws://127.0.0.1:{self.ports[port]}{path}"

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; status 0 when the gateway is not there."""
        try:
            with urllib.request.urlopen(self.http(path), timeout=10) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()
        except OSError as e:
            return 0, repr(e).encode()

    def metric(self, sample: str) -> float:
        """The value of one line of /metrics, named with its labels."""
        for line in self.get("/metrics")[1].decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        raise KeyError(sample)


@contextlib.contextmanager
def running_gateway(
    triton: TritonAddress, state_dir: Path, settings: Mapping[str, str] | None = None
) -> Iterator[GatewayAddress]:
    """Ready to serve inside the block. `settings` are further GATEWAY_ variables."""
    state_dir.mkdir(parents=True, exist_ok=True)
    log_file = state_dir / "gateway.log"
    command = [sys.executable, "-m", "frontend"]
    ports, environment = _environment(state_dir, triton.grpc_port, settings)
    with _running(command, ports, environment, log_file) as address:
        yield address


@contextlib.contextmanager
def running_stack(state_dir: Path, settings: Mapping[str, str]) -> Iterator[tuple[GatewayAddress, int]]:
    """The gateway and a Triton of its own under the supervisor of `make run`, whose process id comes along."""
    grpc_port, http_port, metrics_port = free_ports(3)
    ports, environment = _environment(state_dir, grpc_port, settings)
    environment |= {"GATEWAY_TRITON__HTTP_PORT": str(http_port), "GATEWAY_TRITON__METRICS_PORT": str(metrics_port)}
    command = [sys.executable, "-m", "docker.run", "--var", str(state_dir / "var")]
    with _running(command, ports, environment, state_dir / "stack.log") as address:
        yield address, address.pid


def _environment(
    state_dir: Path, grpc_port: int, settings: Mapping[str, str] | None
) -> tuple[dict[str, int], dict[str, str]]:
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    environment = os.environ | {f"GATEWAY_PORTS__{name.upper()}": str(port) for name, port in ports.items()}
    environment |= {
        "GATEWAY_TRITON__GRPC_PORT": str(grpc_port),
        "GATEWAY_LIMITS__SPOOL_DIRECTORY": str(state_dir / "spool"),
        **(settings or {}),
    }
    return ports, environment


@contextlib.contextmanager
def _running(
    command: Sequence[str], ports: Mapping[str, int], environment: Mapping[str, str], log_file: Path
) -> Iterator[GatewayAddress]:
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    address = GatewayAddress(ports, process.pid, log_file)
    try:
        wait_ready(address, process)
        yield address
    finally:
        stop(process)


def wait_ready(address: GatewayAddress, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while address.get("/health/ready")[0] != 200:
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the gateway is not ready:\n{address.log_file.read_text()}")
        time.sleep(0.05)


def stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
