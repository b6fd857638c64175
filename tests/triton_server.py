"""The real Triton for tests: started by the project's own launcher on free ports, gone when the block ends."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from docker.triton.launcher import remove_shared_memory, shared_memory_prefix

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0
_MOST_ROUNDS = 20
Answers = TypeVar("Answers")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class TritonAddress:
    host: str
    grpc_port: int
    http_port: int
    metrics_port: int
    pid: int  # of the launcher
    log_file: Path

    @property
    def server_pid(self) -> int | None:
        """The tritonserver of this moment; None while there is none."""
        pids = child_pids(self.pid)
        return pids[0] if pids else None

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON answer of one HTTP call; status 0 when the server is not there. Never abandons a call."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.host}:{self.http_port}{path}", data, method=method)
        try:
            with _direct.open(request) as response:
                content = response.read()
                return response.status, json.loads(content) if content else {}
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")
        except (OSError, ValueError) as error:
            return 0, {"error": repr(error)}

    def is_ready(self, model: str, version: int | None = None) -> bool:
        chosen = f"/versions/{version}" if version else ""
        return self.call("GET", f"/v2/models/{model}{chosen}/ready")[0] == 200

    def counts(self, model: str, least_rows: int = 0) -> tuple[int, int]:
        """Rows inferred and the executions they took, by Triton's own count.

        It counts after it has answered: so many rows are waited for.
        """

        def counted() -> tuple[int, int]:
            versions = self.call("GET", f"/v2/models/{model}/stats")[1]["model_stats"]
            return sum(int(v["inference_count"]) for v in versions), sum(int(v["execution_count"]) for v in versions)

        wait_until(lambda: counted()[0] >= least_rows, explanation=lambda: f"{counted()[0]} of {least_rows} rows")
        return counted()

    def until_shared(self, model: str, rows: int, ask: Callable[[], Answers], asked_rows: int = 0) -> Answers:
        """What came when so many rows, asked for at once, were run in half as many executions, or fewer.

        On a busy machine they arrive one by one now and then; where they always do, it fails. `asked_rows` there were
        before, by Triton's count.
        """
        before = self.counts(model, asked_rows)
        for _ in range(_MOST_ROUNDS):
            answers = ask()
            after = self.counts(model, before[0] + rows)  # those of the launcher's probes too
            if 2 * (after[1] - before[1]) <= after[0] - before[0]:
                return answers
            before = after
        raise AssertionError(f"{model} ran them one by one, in all of {_MOST_ROUNDS} rounds")

    def stub_pids(self, model: str) -> list[int]:
        """The Python backend's processes that serve this model."""
        found = []
        for pid in child_pids(self.server_pid or -1):
            with contextlib.suppress(FileNotFoundError):
                if f"\0{model}_0_0\0" in Path(f"/proc/{pid}/cmdline").read_text():  # its first, our only instance
                    found.append(pid)
        return found


@contextlib.contextmanager
def running_triton(
    repository: Path,
    state_dir: Path,
    *,
    wait_for: Sequence[str] | None = None,
    launcher_arguments: Sequence[str] = (),
    start_seconds: float = START_SECONDS,
) -> Iterator[TritonAddress]:
    """Ready to infer with every model of the repository (or those named in `wait_for`) inside the block."""
    launcher, address = start(repository, state_dir, launcher_arguments)
    models = wait_for if wait_for is not None else model_names(repository)

    def log() -> str:
        return f"Triton is not ready; its log:\n{address.log_file.read_text(errors='replace')[-4000:]}"

    def ready_or_ended() -> bool:
        ready = address.call("GET", "/v2/health/live")[0] == 200 and all(address.is_ready(model) for model in models)
        return ready or launcher.poll() is not None

    try:
        wait_until(ready_or_ended, start_seconds, log)
        assert launcher.poll() is None, log()
        yield address
    finally:
        stop(launcher)
        remove_shared_memory(shared_memory_prefix(state_dir))  # of tests that kill the launcher


def start(
    repository: Path, state_dir: Path, launcher_arguments: Sequence[str]
) -> tuple[subprocess.Popen[bytes], TritonAddress]:
    state_dir.mkdir(parents=True, exist_ok=True)
    grpc_port, http_port, metrics_port = free_ports(3)
    log_file = state_dir / "triton.log"
    command = [sys.executable, "-m", "docker.triton.launcher", f"--repository={repository}", f"--state-dir={state_dir}"]
    command += [f"--grpc-port={grpc_port}", f"--http-port={http_port}", f"--metrics-port={metrics_port}"]
    with log_file.open("ab") as log:
        launcher = subprocess.Popen([*command, *launcher_arguments], cwd=ROOT, stdout=log, stderr=log)
    return launcher, TritonAddress("127.0.0.1", grpc_port, http_port, metrics_port, launcher.pid, log_file)


def stop(launcher: subprocess.Popen[bytes]) -> None:
    if launcher.poll() is None:
        launcher.send_signal(signal.SIGTERM)
    try:
        launcher.wait(30)
    except subprocess.TimeoutExpired:
        launcher.kill()  # its children die with it
        launcher.wait()


def model_names(repository: Path) -> list[str]:
    return sorted({version.parent.name for version in repository.glob("*/[0-9]*") if version.is_dir()})


def free_ports(count: int) -> list[int]:
    """Below those that the system gives to whoever connects: until somebody listens there nobody else takes one."""
    with contextlib.ExitStack() as sockets:
        return [sockets.enter_context(_listening()).getsockname()[1] for _ in range(count)]


def _listening() -> socket.socket:
    while True:
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", random.SystemRandom().randrange(20_000, 32_768)))


def wait_until(
    condition: Callable[[], bool], seconds: float = 60.0, explanation: Callable[[], str] = lambda: "not in time"
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explanation()
        time.sleep(0.02)


def child_pids(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # threads end while they are listed
            found += [int(child) for child in (task / "children").read_text().split()]
    return found
