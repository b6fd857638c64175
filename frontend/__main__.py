"""`python -m frontend [--config FILE]`: run the gateway until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from frontend.config import loading as configuration
from frontend.config.settings import Settings
from frontend.errors import SettingsError
from frontend.memory import allocator
from frontend.memory.ledger import Ledger
from frontend.telemetry import logs
from frontend.workers import descriptors
from frontend.workers.lasting import kept
from frontend.workers.parent import REFUSED, Parent
from frontend.workers.shares import share_of
from frontend.workers.watchman import watched
from frontend.workers.worker import Place, Worker, alone, die_with

if TYPE_CHECKING:
    from frontend.app import Gateway


# Of these a search for circles begins: some megabytes.
_GARBAGE_OBJECTS = 20_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m frontend", description="The speech gateway in front of Triton.")
    parser.add_argument("--config", type=Path, help="a YAML file like frontend/config/gateway.yaml, the default")
    parser.add_argument("--worker", type=int, metavar="PARENT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        die_with(arguments.worker)
    # What the gateway starts are programs of their own: that nothing of gRPC's goes on in them is no line for the log.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    os.umask(0o077)  # recordings are nobody else's to read, whatever the umask of whoever starts this
    allocator.keep_what_is_freed()
    try:
        options = configuration.load(arguments.config, os.environ)
        logs.configure(options.log.level, options.log.json)
        _raise_limits(options)
        serves_alone = options.server.workers == 1 and not arguments.worker
        ledger = watched(options.server.hung_seconds) if serves_alone else None
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(options, arguments, ledger))
    except SettingsError as e:
        sys.stderr.write(f"gateway: {e}\n")
        return REFUSED


def _raise_limits(options: Settings) -> None:
    most, needed = descriptors.raise_limit(), descriptors.needed(options.server.max_connections)
    if most < (least := descriptors.needed(0)):
        raise SettingsError(f"only {most} open files are allowed, {least} are needed: raise the limit (ulimit -n)")
    if most < needed:
        log = logs.Log("gateway")
        told = "too few open files are allowed: raise the limit (ulimit -n) or set server.max_connections lower"
        log.warning(told, allowed=most, needed=needed)


async def _run(options: Settings, arguments: argparse.Namespace, ledger: Ledger | None) -> int:
    if arguments.worker:
        me = Worker()
        place = await me.begin()
        await _serve(_gateway(share_of(kept(options, place.lasting), place.seat), place), me)
    elif options.server.workers > 1:
        return await Parent(options, [f"--config={arguments.config}"] if arguments.config else []).run()
    else:
        await _serve(_gateway(options, alone(options, ledger)))
    return 0


def _gateway(options: Settings, place: Place) -> "Gateway":
    # Loaded here only: a parent serves nothing, and stays small.
    from frontend.app import Gateway

    return Gateway(options, place)


def _leave_the_lasting_alone() -> None:
    """What a message leaves goes as its last reference does; looking for circles among all there is costs more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_OBJECTS, 20, 20)


async def _serve(gateway: "Gateway", me: Worker | None = None) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await gateway.start()
    _leave_the_lasting_alone()
    ends: list[asyncio.Task[object]] = [loop.create_task(stopping.wait())]
    if me:
        ends.append(loop.create_task(me.follow(gateway.inherit, gateway.metrics.snapshot, gateway.take)))
    ended, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for error in filter(None, (end.exception() for end in ended)):
        logs.Log("workers").exception("the parent is heard no more", error)
    await gateway.stop()
    if me:
        await me.tell(gateway.metrics.snapshot)


if __name__ == "__main__":
    sys.exit(main())
