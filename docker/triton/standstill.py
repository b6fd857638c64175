"""Ends what stands still: the process of a model that finishes nothing while its probe waits. The keeper revives it.

A busy model finishes something. One without a process of its own is ended with the server, which is restarted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import time
from collections.abc import Callable, Collection
from pathlib import Path

from docker.supervisor import Supervisor
from docker.triton.endpoint import Endpoint, EndpointError

logger = logging.getLogger("standstill")


class Processes:
    """Of a Triton that is kept running: its own, and the Python backend's, one for each instance of a model."""

    def __init__(self, supervisor: Supervisor, server: str) -> None:
        self._supervisor, self._name = supervisor, server

    def of(self, model: str) -> list[int]:
        named = re.compile(rf"\0{re.escape(model)}_\d+_\d+\0")
        found = []
        for task in Path(f"/proc/{self._supervisor.pid(self._name)}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # they end while they are listed
                found += [int(pid) for pid in task.read_text().split() if named.search(_command(int(pid)))]
        return sorted(found)

    def end_server(self) -> None:
        self._supervisor.kill(self._name)


class Standstill:
    """`waiting` are the models whose probes are not answered yet."""

    def __init__(
        self, endpoint: Endpoint, seconds: float, waiting: Callable[[], Collection[str]], processes: Processes
    ) -> None:
        self._endpoint, self._seconds, self._waiting, self._processes = endpoint, seconds, waiting, processes
        # Of each model that is waited for: what it had finished, and since when it is no more.
        self._finished: dict[str, tuple[int, float]] = {}

    def look(self) -> None:
        now, waiting = time.monotonic(), self._waiting()
        self._finished = {model: told for model, told in self._finished.items() if model in waiting}
        for model in sorted(waiting):
            try:
                count = self._endpoint.finished(model)
            except EndpointError:  # there is none any more, or the server is silent: somebody else's concern
                continue
            before, since = self._finished.get(model, (-1, now))
            if count != before:
                self._finished[model] = count, now
            elif now - since > self._seconds and model in self._waiting():
                del self._finished[model]
                self._end(model)

    def _end(self, model: str) -> None:
        pids = self._processes.of(model)
        logger.error("model_stands_still model=%s seconds=%.0f ends=%s", model, self._seconds, pids or "server")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not pids:
            self._processes.end_server()


def _command(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return ""
