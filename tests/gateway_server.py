"""The gateway for tests: the real process on free ports in front of a Triton that runs, gone when the block ends."""

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from frontend.config.settings import PLAIN_PORTS, Settings
from tests.triton_server import ROOT, TritonAddress, child_pids, free_ports, wait_until

START_SECONDS = 60.0
STOP_SECONDS = 30.0
PORTS = tuple(Settings().port_numbers)
WEB_PORTS = tuple(name for name in PORTS if name not in PLAIN_PORTS)


@dataclass(frozen=True)
class GatewayAddress:
    ports: Mapping[str, int]
    pid: int
    log_file: Path
    tls: bool = False

    def http(self, path: str, port: str = "voice") -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.ports[port]}{path}"

    def ws(self, path: str, port: str = "voice") -> str:
        return f"ws{'s' if self.tls else ''}://127.0.0.1:{self.ports[port]}{path}"

    @property
    def whoever(self) -> ssl.SSLContext | None:
        """Trusts whoever answers."""
        return ssl._create_unverified_context() if self.tls else None

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; status 0 when the gateway is not there."""
        try:
            with urllib.request.urlopen(self.http(path), timeout=10, context=self.whoever) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()
        except OSError as e:
            return 0, repr(e).encode()

    @property
    def worker_pids(self) -> list[int]:
        """Of a gateway with several processes those that serve, the oldest first."""
        return children(self.pid, "--worker=")

    def metric(self, sample: str) -> float:
        """The value of one line of /metrics, named with its labels."""
        for line in self.get("/metrics")[1].decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        raise KeyError(sample)


def children(pid: int, word: str) -> list[int]:
    """The processes that it started with this word in their command."""
    found = []
    for child in child_pids(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # they end while they are listed
            if word in Path(f"/proc/{child}/cmdline").read_text():
                found.append(child)
    return found


@contextlib.contextmanager
def running_gateway(
    triton: TritonAddress | None,
    state_dir: Path,
    settings: Mapping[str, str] | None = None,
    house: Path = ROOT,
    arguments: Sequence[str] = (),
) -> Iterator[GatewayAddress]:
    """Ready to serve inside the block, or only alive where it has no Triton. `settings` are GATEWAY_ variables."""
    grpc_port = triton.grpc_port if triton else free_ports(1)[0]
    command = [sys.executable, "-m", "frontend", *arguments]
    start = _Start(command, state_dir, grpc_port, settings or {}, house)
    with _running(start, "/health/ready" if triton else "/health/live") as address:
        yield address


@contextlib.contextmanager
def running_workers(
    triton: TritonAddress | None,
    state_dir: Path,
    settings: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[GatewayAddress]:
    """The same with two processes, or as many as are set, all of which serve inside the block."""
    chosen = {"GATEWAY_SERVER__WORKERS": "2", **(settings or {})}
    workers = int(chosen["GATEWAY_SERVER__WORKERS"])
    with running_gateway(triton, state_dir, chosen, arguments=arguments) as address:
        wait_until(lambda: address.metric("gateway_workers") == workers, START_SECONDS, address.log_file.read_text)
        yield address


@contextlib.contextmanager
def running_stack(state_dir: Path, settings: Mapping[str, str]) -> Iterator[tuple[GatewayAddress, int]]:
    """The gateway and a Triton of its own under the supervisor of `make run`, whose process id comes along."""
    grpc_port, http_port, metrics_port = free_ports(3)
    triton = {"GATEWAY_TRITON__HTTP_PORT": str(http_port), "GATEWAY_TRITON__METRICS_PORT": str(metrics_port)}
    command = [sys.executable, "-m", "docker.run", "--var", str(state_dir / "var")]
    with _running(_Start(command, state_dir, grpc_port, triton | dict(settings)), "/health/ready") as address:
        yield address, address.pid


@dataclass(frozen=True)
class _Start:
    command: Sequence[str]
    state_dir: Path
    grpc_port: int
    settings: Mapping[str, str]
    house: Path = ROOT  # where the folder `frontend` is

    def environment(self, ports: Mapping[str, int]) -> dict[str, str]:
        return {
            **os.environ,
            **{f"GATEWAY_PORTS__{name.upper()}": str(port) for name, port in ports.items()},
            "GATEWAY_TRITON__GRPC_PORT": str(self.grpc_port),
            "GATEWAY_LIMITS__SPOOL_DIRECTORY": str(self.state_dir / "spool"),
            "GATEWAY_EXPORTS__DIRECTORY": str(self.state_dir / "exports"),
            # However busy the machine is with other tests; the tests of admission switch it on.
            "GATEWAY_ADMISSION__ENABLED": "false",
            **self.settings,
        }


@contextlib.contextmanager
def _running(start: _Start, ready_path: str) -> Iterator[GatewayAddress]:
    start.state_dir.mkdir(parents=True, exist_ok=True)
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    log_file = start.state_dir / "gateway.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(start.command, cwd=start.house, env=start.environment(ports), stdout=log, stderr=log)
    address = GatewayAddress(ports, process.pid, log_file, "GATEWAY_TLS__CERTIFICATE" in start.settings)
    try:
        deadline = time.monotonic() + START_SECONDS
        while address.get(ready_path)[0] != 200:
            started = process.poll() is None and time.monotonic() < deadline
            assert started, f"the gateway is not ready:\n{log_file.read_text()}"
            time.sleep(0.05)
        yield address
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
