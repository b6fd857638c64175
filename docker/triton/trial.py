"""A version is tried in a server of its own before the one that serves sees it, where that has no guard of ours.

NVIDIA's backends run a version's warm-up inside the server, which has died of one that failed, with all its models.
What passed is remembered, so that the next start waits for nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.triton import server
from docker.triton.endpoint import Endpoint, EndpointError

HOST, PREFIX = "127.0.0.1", "triton_trial_"
POLL_SECONDS, END_SECONDS = 0.2, 30.0
RECORD = "tried.json"


@dataclass(frozen=True)
class Trial:
    """`state` is the launcher's own folder; `seconds`: how long a version may take to load and warm up."""

    installation: server.Installation
    repository: Path
    state: Path
    seconds: float = 1800.0

    def passed(self, model: str, version: int) -> bool:
        return self._record().get(model, {}).get(str(version)) == self._mark(model, version)

    def problem(self, model: str, version: int) -> str | None:
        """What became of it, where it did not serve; None where it did."""
        if self.passed(model, version):
            return None
        mark = self._mark(model, version)
        with tempfile.TemporaryDirectory(dir=self.state) as folder:
            found = self._try(model, version, Path(folder))
        if found is None:
            self._remember(model, version, mark)
        return found and f"it fails in a server of its own ({found}): publish it anew with `python -m export`"

    def _try(self, model: str, version: int, folder: Path) -> str | None:
        place = folder / "repository" / model
        place.mkdir(parents=True)
        shutil.copy(self.repository / model / "config.pbtxt", place)
        shutil.copytree(self.repository / model / str(version), place / str(version), copy_function=_linked)
        ports = server.Ports(HOST, *_free_ports())
        command = server.command(self.installation, ports, folder / "repository", PREFIX)
        with (folder / "log").open("wb") as log, self._running([*command, f"--load-model={model}"], log) as process:
            return self._outcome(model, process, Endpoint(HOST, ports.http))

    def _outcome(self, model: str, process: subprocess.Popen[bytes], endpoint: Endpoint) -> str | None:
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                code = process.returncode
                return f"it ends of {signal.Signals(-code).name}" if code < 0 else f"it ends with status {code}"
            with contextlib.suppress(EndpointError):  # it has not begun to answer
                states = endpoint.index().get(model, [])
                if any(state.ready for state in states):
                    return None
                reason = next((state.reason for state in states if state.reason), None)
                if reason is not None:
                    return reason
            time.sleep(POLL_SECONDS)
        return f"not loaded after {self.seconds:.0f} s"

    @contextlib.contextmanager
    def _running(self, command: list[str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(command, env=dict(self.installation.environment), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _mark(self, model: str, version: int) -> list[int]:
        """Another folder or configuration is another version."""
        folder = self.repository / model
        return [(folder / str(version)).stat().st_ino, (folder / "config.pbtxt").stat().st_mtime_ns]

    def _record(self) -> dict[str, dict[str, list[int]]]:
        try:
            found = json.loads((self.state / RECORD).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _remember(self, model: str, version: int, mark: list[int]) -> None:
        record = self._record()
        record.setdefault(model, {})[str(version)] = mark
        unfinished = self.state / f"{RECORD}.tmp"
        unfinished.write_text(json.dumps(record))
        os.replace(unfinished, self.state / RECORD)


def _linked(source: str, target: str) -> None:
    """Weights are gigabytes; a copy where the state lies on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _free_ports() -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]
