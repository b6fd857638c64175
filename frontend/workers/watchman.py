"""A process that serves alone is watched by a child of its own, as several are by their parent.

Nobody answers where an event loop stands still; whoever keeps the gateway running starts one anew that has ended.
"""

import asyncio
import os
import signal
from dataclasses import dataclass

from frontend.memory.ledger import Ledger
from frontend.telemetry.logs import Log
from frontend.workers.pulse import Pulse
from frontend.workers.worker import die_with

_INIT = 1
_LOG = Log("workers")


@dataclass
class _Process:
    pid: int
    row: int = 0

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def watched(hung_seconds: float) -> Ledger:
    """The ledger whose pulse is looked at from now on. To be called before there is a thread or an event loop."""
    ledger, served = Ledger(), _Process(os.getpid())
    if hung_seconds and served.pid == _INIT:
        _LOG.warning("a hang goes unnoticed: process 1 of a container cannot be ended from within; give it an init")
    elif hung_seconds and os.fork() == 0:
        try:
            _watch(ledger, served, hung_seconds)
        except Exception as e:
            _LOG.exception("a hang goes unnoticed: the watchman failed", e)
        finally:
            os._exit(1)
    return ledger


def _watch(ledger: Ledger, served: _Process, hung_seconds: float) -> None:
    """Until the process ends that is watched."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal's Ctrl-C is for whoever drains
        signal.signal(number, signal.SIG_IGN)
    die_with(served.pid)
    asyncio.run(Pulse(ledger, hung_seconds, _LOG).watch(lambda: [served]))
