"""Triton's launcher and the gateway under one supervisor, and what their operator gets to see of it."""

from __future__ import annotations

import asyncio
import http.client
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docker.supervisor import Child, Supervisor, log_to_stderr, stop_on_signals
from docker.triton.endpoint import Endpoint
from docker.understanding import understanding
from frontend.config.settings import PLAIN_PORTS, Settings

POLL_SECONDS = 0.5
REMINDER_SECONDS = 5.0
LAUNCHER_GRACE_SECONDS = 20.0
TRY_IT = ".venv/bin/python -m frontend.client live --host {host} --port {port} --sample"


@dataclass(frozen=True)
class Stack:
    settings: Settings
    gateway_command: Sequence[str]
    repository: Path
    var: Path
    ready_seconds: float

    @property
    def triton_log(self) -> Path:
        return self.var / "log" / "triton.log"

    @property
    def host(self) -> str:
        """Where this machine reaches the gateway."""
        host = self.settings.server.host
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def run_stack(stack: Stack) -> None:
    log_to_stderr()
    rotate(stack.triton_log)
    asyncio.run(supervise(stack))


def rotate(log_file: Path) -> None:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    if log_file.exists():
        log_file.replace(log_file.with_name(log_file.name + ".1"))


async def supervise(stack: Stack) -> None:
    stop = stop_on_signals()
    # Stopped in reverse order: the gateway drains its calls while Triton still answers them.
    async with Supervisor([triton_child(stack), gateway_child(stack)]):
        announcement = asyncio.create_task(announce(stack))
        await stop.wait()
        announcement.cancel()


def triton_child(stack: Stack) -> Child:
    triton = stack.settings.triton
    command = [sys.executable, "-m", "docker.triton.launcher", f"--repository={stack.repository.resolve()}"]
    command += [f"--state-dir={(stack.var / 'triton').resolve()}", f"--host={triton.host}"]
    command += [f"--grpc-port={triton.grpc_port}", f"--http-port={triton.http_port}"]
    command += [f"--metrics-port={triton.metrics_port}"]
    return Child("triton", lambda: command, log_file=stack.triton_log, grace_seconds=LAUNCHER_GRACE_SECONDS)


def gateway_child(stack: Stack) -> Child:
    grace_seconds = stack.settings.server.stop_seconds + 4.0
    return Child("gateway", lambda: stack.gateway_command, grace_seconds=grace_seconds)


async def announce(stack: Stack) -> None:
    """Says what is being waited for, then where to look."""
    began = time.monotonic()
    told, told_at, overdue = "", began, False
    while (missing := await asyncio.to_thread(missing_part, stack)) is not None:
        now = time.monotonic()
        if missing != told or now - told_at > REMINDER_SECONDS:
            told, told_at = missing, now
            say(f"waiting ({now - began:.0f} s): {missing}")
        if now - began > stack.ready_seconds and not overdue:
            overdue = True
            say(f"NOT READY after {stack.ready_seconds:.0f} s: {missing}; still trying, Ctrl-C stops")
        await asyncio.sleep(POLL_SECONDS)
    say(f"ready in {time.monotonic() - began:.1f} s")
    for line in directions(stack):
        say(line)


def missing_part(stack: Stack) -> str | None:
    """What is not ready yet and where to read why; None when an inference through every model succeeds."""
    status, answer = get(stack.host, first_port(stack), "/health/ready", bool(stack.settings.tls.certificate))
    if status == http.client.OK:
        return None
    triton = stack.settings.triton
    if not Endpoint(triton.host, triton.http_port).is_live():
        return f"Triton does not answer on port {triton.http_port} yet, its log is {stack.triton_log}"
    if status == 0:
        return f"the gateway does not answer on port {first_port(stack)} yet, its log is above"
    return f"the gateway's models are not ready, Triton's log is {stack.triton_log}: {answer[:300]}"


def first_port(stack: Stack) -> int:
    return next(iter(stack.settings.port_numbers.values()))


def get(host: str, port: int, path: str, tls: bool) -> tuple[int, str]:
    """Status and body in one line; status 0 where nobody answers. Whose certificate it is does not matter here."""
    connection = http.client.HTTPConnection(host, port, timeout=15)
    if tls:
        connection = http.client.HTTPSConnection(host, port, timeout=15, context=ssl._create_unverified_context())
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, " ".join(response.read().decode(errors="replace").split())
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def directions(stack: Stack) -> list[str]:
    ports, triton, admin = stack.settings.port_numbers, stack.settings.triton, stack.settings.admin
    s = "s" if stack.settings.tls.certificate else ""
    base = f"http{s}://{stack.host}:{first_port(stack)}"
    operators = f"http://{admin.host}:{admin.port}" if admin.enabled else base
    return [
        *(f"  {name:<11} {addresses(name, f'{stack.host}:{port}', s)}" for name, port in ports.items()),
        *understanding(stack.repository),
        f"  health      {operators}/health/ready   metrics {operators}/metrics",
        f"  triton      grpc {triton.host}:{triton.grpc_port}   http {triton.host}:{triton.http_port}   "
        f"metrics http://{triton.host}:{triton.metrics_port}/metrics   log {stack.triton_log}",
        f"  try         {TRY_IT.format(host=stack.host, port=ports['live'])}",
        "  stop        Ctrl-C",
    ]


def addresses(name: str, at: str, s: str) -> str:
    return f"tcp://{at}" if name in PLAIN_PORTS else f"ws{s}://{at}  http{s}://{at}"


def say(line: str) -> None:
    print(line, flush=True)
