"""Keeps child processes running: starts them in order, restarts one that dies, stops them in reverse order.

Nothing outlives the supervisor: children carry a parent-death signal, so even its own kill -9 takes them along.
Together with docker/triton it also runs on the Python 3.10 of NVIDIA's image.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

logger = logging.getLogger("supervisor")

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Child:
    """`command` is asked anew at each start, so a restart may differ from the first start."""

    name: str
    command: Callable[[], Sequence[str]]
    environment: Mapping[str, str] | None = None
    log_file: Path | None = None  # standard output and error are appended here, else they are the supervisor's
    grace_seconds: float = 10.0


@dataclass
class Backoff:
    """How long to wait before the next attempt: doubling, and from the start again after a healthy while."""

    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    healthy_seconds: float = 60.0
    _delay_seconds: float = 0.0
    _last_failure: float = field(default=float("-inf"))

    def next_delay(self, now: float) -> float:
        healthy = now - self._last_failure > self.healthy_seconds + self._delay_seconds
        doubled = min(2 * self._delay_seconds, self.longest_seconds)
        self._delay_seconds = self.first_seconds if healthy else doubled
        self._last_failure = now
        return self._delay_seconds


class Supervisor:
    """`async with Supervisor(children):` they run inside the block and are gone after it.

    Enter it on the main thread: the parent-death signal fires when the THREAD that forked ends (prctl(2)).
    """

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = list(children)
        self._processes: dict[str, Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Supervisor:
        for child in self._children:
            await self._start(child)
            self._keepers[child.name] = asyncio.create_task(self._keep(child), name=f"keep {child.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in reversed(self._children):
            await self._stop(child)

    def pid(self, name: str) -> int | None:
        """The running process of that child; None between a death and the restart."""
        process = self._processes.get(name)
        return process.pid if process else None

    def kill(self, name: str) -> None:
        """For a child that hangs: it dies at once and is restarted like any other that died."""
        process = self._processes.get(name)
        if process:
            _signal_group(process.pid, signal.SIGKILL)

    async def _start(self, child: Child) -> None:
        try:
            process = await _spawn(child)
        except Exception as error:  # whatever it is, the next attempt may do better; nobody else would make one
            logger.error("child_not_started name=%s error=%r", child.name, str(error))
            return
        self._processes[child.name] = process
        logger.info("child_started name=%s pid=%d", child.name, process.pid)

    async def _keep(self, child: Child) -> None:
        backoff = Backoff()
        while True:
            process = self._processes.get(child.name)
            if process:
                await process.wait()
                _signal_group(process.pid, signal.SIGKILL)  # what it started must not outlive it
                del self._processes[child.name]
                logger.warning("child_died name=%s pid=%d exit=%s", child.name, process.pid, process.returncode)
            delay_seconds = backoff.next_delay(time.monotonic())
            logger.info("child_restarts name=%s in_seconds=%.1f", child.name, delay_seconds)
            await asyncio.sleep(delay_seconds)
            await self._start(child)

    async def _stop(self, child: Child) -> None:
        keeper = self._keepers.pop(child.name, None)
        if keeper:
            keeper.cancel()
            await asyncio.wait([keeper])
        process = self._processes.pop(child.name, None)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        exited = asyncio.create_task(process.wait())
        await asyncio.wait([exited], timeout=child.grace_seconds)
        if not exited.done():
            logger.warning(
                "child_killed name=%s pid=%d grace_seconds=%.0f", child.name, process.pid, child.grace_seconds
            )
        _signal_group(process.pid, signal.SIGKILL)
        logger.info("child_stopped name=%s pid=%d exit=%s", child.name, process.pid, await exited)


def stop_on_signals() -> asyncio.Event:
    """Set by the first SIGTERM, SIGINT or SIGHUP; a second one ends this process, and with it its children, at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def begin_stop(number: int) -> None:
        logger.info("stopping signal=%s", signal.Signals(number).name)
        for each in STOP_SIGNALS:
            loop.remove_signal_handler(each)
        stop.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, begin_stop, number)
    return stop


def log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


async def _spawn(child: Child) -> Process:
    command = child.command()
    output = child.log_file.open("ab") if child.log_file else None
    with output or contextlib.nullcontext():
        return await asyncio.create_subprocess_exec(
            *command,
            env=child.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a terminal's Ctrl-C reaches the supervisor alone, which then stops in order
            preexec_fn=die_with_parent(),
        )


def die_with_parent() -> Callable[[], None]:
    """A `preexec_fn`: the child is killed when the thread that forked it ends, which the main thread does last."""
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: in the child as little as possible may run
    parent = os.getpid()

    def before_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the signal was armed
            os._exit(1)

    return before_exec


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
