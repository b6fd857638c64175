"""`python -m docker.triton.launcher`: starts Triton on a model repository, keeps it running and up to date.

Runs the same way in NVIDIA's image (its server, its backends) and on a plain machine (the server of the PyPI wheel and
the CPU backend beside this file). Needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.preflight import Listener, port_problems
from docker.supervisor import Child, Supervisor, log_to_stderr, stop_on_signals
from docker.triton import server
from docker.triton.admission import Admission, MisplacedError
from docker.triton.endpoint import Endpoint
from docker.triton.host import CPU, PROVIDERS, Host, look
from docker.triton.last_good import LastGood
from docker.triton.model_keeper import ModelKeeper
from docker.triton.standstill import Processes, Standstill
from docker.triton.trial import Trial

logger = logging.getLogger("launcher")

CHILD = "tritonserver"
REQUIRED_PROVIDER = "TRITON_REQUIRE_PROVIDER"
POLL_SECONDS = 1.0
# Triton itself ends after EXIT_TIMEOUT_SECONDS plus the time its models take to go.
GRACE_SECONDS = server.EXIT_TIMEOUT_SECONDS + 5.0


@dataclass(frozen=True)
class Patience:
    """How long the server may stay silent: while it starts and loads its models, and later."""

    start_seconds: float
    unresponsive_seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    log_to_stderr()
    try:
        with sole_user(options.state_dir):
            asyncio.run(launch(options))
    except (server.LaunchError, MisplacedError) as error:
        print(f"launcher: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m docker.triton.launcher", description=__doc__)
    parser.add_argument("--repository", type=Path, default=Path("model_repository"), help="default: %(default)s")
    parser.add_argument("--state-dir", type=Path, default=Path("var/triton"), help="default: %(default)s")
    parser.add_argument("--host", default="127.0.0.1", help="address of all three ports, default: %(default)s")
    parser.add_argument("--grpc-port", type=int, default=8001, help="default: %(default)s")
    parser.add_argument("--http-port", type=int, default=8010, help="default: %(default)s")
    parser.add_argument("--metrics-port", type=int, default=8002, help="default: %(default)s")
    parser.add_argument(
        "--start-seconds", type=float, default=1800.0, help="for loading at the start, default: %(default)s"
    )
    parser.add_argument(
        "--unresponsive-seconds",
        type=float,
        default=20.0,
        help="a server silent for this long is killed and restarted, default: %(default)s",
    )
    parser.add_argument(
        "--standstill-seconds",
        type=float,
        default=60.0,
        help="a model that finishes nothing for so long while it is asked is ended and revived, default: %(default)s",
    )
    parser.add_argument(
        "--require-provider",
        choices=PROVIDERS,
        default=os.environ.get(REQUIRED_PROVIDER) or None,
        help=f"what the models must run on, but for those that ask for the CPU; default: ${REQUIRED_PROVIDER}",
    )
    parser.add_argument("server_arguments", nargs="*", metavar="-- ARGUMENT", help="passed on to tritonserver")
    return parser.parse_args(arguments)


async def launch(options: argparse.Namespace) -> None:
    refuse_busy_ports(options)
    refuse_missing_gpu(options.require_provider, look())
    stop = stop_on_signals()
    # A server that listens on all interfaces is asked on the loopback one.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)
    endpoint = Endpoint(host, options.http_port)
    installation = server.find(options.state_dir.resolve(), os.environ)
    admission = Admission(options.repository, look, trial(options, installation))
    keeper = ModelKeeper(
        endpoint, options.repository, LastGood(options.state_dir / "last_good"), admission, options.require_provider
    )
    patience = Patience(options.start_seconds, options.unresponsive_seconds)
    async with Supervisor([triton_child(options, keeper, installation)]) as supervisor:
        processes = Processes(supervisor, CHILD)
        standstill = Standstill(endpoint, options.standstill_seconds, keeper.waiting, processes)
        await first_of(stop.wait(), follow(keeper, standstill), watch(endpoint, supervisor, patience))


def refuse_busy_ports(options: argparse.Namespace) -> None:
    """Another server on these ports would answer in the name of ours, which could not start."""
    ports = {"--grpc-port": options.grpc_port, "--http-port": options.http_port, "--metrics-port": options.metrics_port}
    problems = port_problems([Listener(flag, options.host, port) for flag, port in ports.items()])
    if problems:
        raise server.LaunchError("; ".join(problems))


def refuse_missing_gpu(required: str | None, host: Host) -> None:
    if required not in (None, CPU) and host.card is None:
        raise server.LaunchError(
            f"{required} is required and there is no NVIDIA GPU here: see what `nvidia-smi` says, give the container "
            "one (--gpus), or require cpu"
        )


def trial(options: argparse.Namespace, installation: server.Installation) -> Trial | None:
    """Where NVIDIA's backends serve; ours try a version out themselves."""
    if installation.backend_directory is not None:
        return None
    return Trial(installation, options.repository, options.state_dir.resolve(), options.start_seconds)


def triton_child(options: argparse.Namespace, keeper: ModelKeeper, installation: server.Installation) -> Child:
    ports = server.Ports(options.host, options.grpc_port, options.http_port, options.metrics_port)
    prefix = shared_memory_prefix(options.state_dir)
    repository = options.repository.resolve()
    if not repository.is_dir():
        raise server.LaunchError(f"no model repository {repository}: create it with `python -m export`")
    base = [*server.command(installation, ports, repository, prefix), *options.server_arguments]

    def command() -> list[str]:
        remove_shared_memory(prefix)
        return [*base, *(f"--load-model={model}" for model in keeper.models_at_start())]

    return Child(CHILD, command, installation.environment, grace_seconds=GRACE_SECONDS)


async def follow(keeper: ModelKeeper, standstill: Standstill) -> None:
    while True:
        await asyncio.to_thread(keeper.tick)
        await asyncio.to_thread(standstill.look)
        await asyncio.sleep(POLL_SECONDS)


async def watch(endpoint: Endpoint, supervisor: Supervisor, patience: Patience) -> None:
    """Kills a server that lives but no longer answers; the supervisor then restarts it."""
    pid, silent_seconds, answered = None, 0.0, False
    looked_at = time.monotonic()
    while True:
        if supervisor.pid(CHILD) != pid:
            pid, silent_seconds, answered = supervisor.pid(CHILD), 0.0, False
        is_live = await asyncio.to_thread(endpoint.is_live)
        before, looked_at = looked_at, time.monotonic()
        most_seconds = patience.unresponsive_seconds if answered else patience.start_seconds
        # A machine that slept says nothing of the server: no single look uses up the patience.
        silent_seconds += min(looked_at - before, most_seconds / 2)
        if is_live:
            if not answered:
                logger.info("server_answers pid=%s after_seconds=%.1f", pid, silent_seconds)
            silent_seconds, answered = 0.0, True
        elif silent_seconds > most_seconds:
            logger.error("server_unresponsive pid=%s seconds=%.0f", pid, silent_seconds)
            supervisor.kill(CHILD)
        await asyncio.sleep(POLL_SECONDS)


async def first_of(*coroutines: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(each) for each in coroutines]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()


@contextlib.contextmanager
def sole_user(state_directory: Path) -> Iterator[None]:
    """Two launchers on one state directory would delete each other's backends and shared memory."""
    state_directory.mkdir(parents=True, exist_ok=True)
    with (state_directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another launcher uses {state_directory}: stop it or pass another --state-dir"
            raise server.LaunchError(message) from error
        yield


def shared_memory_prefix(state_directory: Path) -> str:
    return f"triton_{hashlib.sha256(str(state_directory.resolve()).encode()).hexdigest()[:12]}_"


def remove_shared_memory(prefix: str) -> None:
    """A server or stub that was killed leaves its regions in /dev/shm for good."""
    for region in Path("/dev/shm").glob(f"{prefix}*"):
        region.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
