"""The supervisor with small real processes."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from docker.supervisor import Backoff, Child, Supervisor
from tests.triton_server import ROOT, wait_until

SLEEPER = ("sleep", "1000")


def in_event_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: object, **fixtures: object) -> None:
        asyncio.run(test(*arguments, **fixtures))

    return run


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 the condition is another process's doing
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def script(source: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(source)]


@in_event_loop
async def test_children_start_in_order_and_stop_in_reverse(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    journal = tmp_path / "journal"

    def writes(name: str) -> list[str]:
        return [
            "bash",
            "-c",
            f"trap 'echo {name} stopped >> {journal}; exit' TERM; while :; do sleep 0.05; done",
        ]

    children = [Child(name, functools.partial(writes, name)) for name in ("first", "second")]
    async with Supervisor(children) as supervisor:
        first, second = supervisor.pid("first"), supervisor.pid("second")
        assert first is not None
        assert second is not None
        await until(lambda: all(catches_sigterm(pid) for pid in (first, second)))
    assert [message.split()[:2] for message in caplog.messages] == [
        ["child_started", "name=first"],
        ["child_started", "name=second"],
        ["child_stopped", "name=second"],
        ["child_stopped", "name=first"],
    ]
    assert journal.read_text().splitlines() == ["second stopped", "first stopped"]


def catches_sigterm(pid: int) -> bool:
    return has_signal(pid, "SigCgt")


def has_signal(pid: int, mask_name: str) -> bool:
    """Whether SIGTERM is in that mask of the process: its trap is set."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, mask = line.partition(":")
        if name == mask_name:
            return bool(int(mask, 16) & 1 << (signal.SIGTERM - 1))
    return False


@in_event_loop
async def test_a_killed_child_is_started_again() -> None:
    async with Supervisor([Child("sleeper", lambda: SLEEPER)]) as supervisor:
        first = supervisor.pid("sleeper")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.pid("sleeper") not in (None, first))
        second = supervisor.pid("sleeper")
        assert second is not None
        assert is_running(second)
    assert not is_running(second)


@in_event_loop
async def test_the_command_is_asked_anew_at_each_start() -> None:
    commands = iter([("sleep", "1001"), ("sleep", "1002")])
    async with Supervisor([Child("sleeper", lambda: next(commands))]) as supervisor:
        first = supervisor.pid("sleeper")
        assert first is not None
        supervisor.kill("sleeper")
        await until(lambda: supervisor.pid("sleeper") not in (None, first))
        await until(lambda: b"1002" in Path(f"/proc/{supervisor.pid('sleeper')}/cmdline").read_bytes())


@in_event_loop
async def test_a_program_that_does_not_exist_is_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "late"
    async with Supervisor([Child("late", lambda: [str(program)])]) as supervisor:
        assert supervisor.pid("late") is None
        program.write_text("#!/bin/sh\nexec sleep 1000\n")
        program.chmod(0o755)
        await until(lambda: supervisor.pid("late") is not None)


@in_event_loop
async def test_a_child_whose_command_cannot_be_told_is_asked_for_again() -> None:
    answers: list[Sequence[str] | None] = [SLEEPER, None, SLEEPER]

    def command() -> Sequence[str]:
        if (answer := answers.pop(0)) is None:
            raise ValueError("a file that is not as it should be")
        return answer

    async with Supervisor([Child("asked", command)]) as supervisor:
        os.kill(supervisor.pid("asked") or -1, signal.SIGKILL)
        await until(lambda: not answers and supervisor.pid("asked") is not None)


@in_event_loop
async def test_a_child_that_ignores_sigterm_is_killed_after_its_grace() -> None:
    stubborn = ["bash", "-c", "trap '' TERM; while :; do sleep 1; done"]
    async with Supervisor([Child("stubborn", lambda: stubborn, grace_seconds=0.2)]) as supervisor:
        pid = supervisor.pid("stubborn")
        assert pid is not None
        await until(lambda: has_signal(pid, "SigIgn"))
    assert not is_running(pid)


@in_event_loop
async def test_what_a_dead_child_had_started_dies_too(tmp_path: Path) -> None:
    note = tmp_path / "grandchild"
    parent = ["bash", "-c", f"sleep 1000 & echo $! > {note}; wait"]
    async with Supervisor([Child("parent", lambda: parent)]) as supervisor:
        await until(lambda: note.exists() and note.read_text().endswith("\n"))
        grandchild = int(note.read_text())
        os.kill(supervisor.pid("parent") or -1, signal.SIGKILL)
        await until(lambda: not is_running(grandchild))


@in_event_loop
async def test_output_goes_to_the_log_file(tmp_path: Path) -> None:
    log_file = tmp_path / "log"
    child = Child("speaker", lambda: ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"], log_file=log_file)
    async with Supervisor([child]):
        await until(lambda: log_file.exists() and log_file.read_text() == "out\nerr\n")


def test_kill_9_of_the_supervisor_takes_the_children_along() -> None:
    source = """
        import asyncio
        from docker.supervisor import Child, Supervisor

        async def main():
            async with Supervisor([Child("sleeper", lambda: ("sleep", "1000"))]) as supervisor:
                print(supervisor.pid("sleeper"), flush=True)
                await asyncio.Event().wait()

        asyncio.run(main())
    """
    with subprocess.Popen(script(source), cwd=ROOT, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        assert is_running(child)
        supervisor.kill()
    wait_until(lambda: not is_running(child))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_block(number: signal.Signals) -> None:
    source = """
        import asyncio
        from docker.supervisor import stop_on_signals

        async def main():
            stop = stop_on_signals()
            print("ready", flush=True)
            await stop.wait()

        asyncio.run(main())
    """
    with subprocess.Popen(script(source), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(10) == 0


def test_the_backoff_doubles_to_a_limit_and_starts_again_after_a_healthy_while() -> None:
    backoff = Backoff(first_seconds=1, longest_seconds=4, healthy_seconds=60)
    assert [backoff.next_delay(now) for now in (0, 1, 3, 7, 11)] == [1, 2, 4, 4, 4]
    assert backoff.next_delay(11 + 4 + 61) == 1
