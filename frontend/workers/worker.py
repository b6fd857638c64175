"""A process as one of those that serve: what it is given at its start, and what it hears from its parent afterwards."""

import asyncio
import ctypes
import dataclasses
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from frontend.config.settings import Settings
from frontend.errors import SettingsError, UnavailableError
from frontend.memory.ledger import LAYOUT, Ledger
from frontend.telemetry.logs import Log
from frontend.workers.lasting import Lasting
from frontend.workers.line import Line, Said, Word
from frontend.workers.listening import Listeners, addresses, bound

_PATIENCE_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1  # of prctl(2)


Work = Callable[[], Coroutine[Any, Any, None]]
Take = Callable[[str, socket.socket], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Place:
    """Of one process among those that serve."""

    listeners: Listeners
    ledger: Ledger
    seat: int = 0
    # Nobody served before it: what an earlier run left is its to clear up.
    first: bool = True
    alone: bool = True
    # Asks for the figures of all, where it is not alone.
    everybodys: Callable[[], Awaitable[Sequence[bytes]]] | None = None
    lasting: Lasting = field(default_factory=dict)


def alone(settings: Settings, ledger: Ledger | None = None) -> Place:
    return Place(bound(addresses(settings), shared=False), ledger or Ledger())


def die_with(parent: int) -> None:
    """Be killed when the parent ends, however it does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it has ended already
        os.kill(os.getpid(), signal.SIGKILL)


class Worker:
    """The end of the line in a worker, which is given as its standard input."""

    def __init__(self) -> None:
        number = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)  # no child of this process may keep the line open
        os.close(nothing)
        self._line = Line(socket.socket(fileno=number))
        self._log = Log("workers")
        self._figures: asyncio.Future[Sequence[bytes]] | None = None

    async def begin(self) -> Place:
        said = await self._line.hear()
        if said is None:
            raise SystemExit(1)
        if said.facts.get("layout") != LAYOUT:
            raise SettingsError("the gateway that runs is of another version: start it anew, SIGHUP will not do")
        ledger, *sockets = said.files
        listeners: dict[str, list[socket.socket]] = {}
        for name, number in zip(said.facts["listeners"], sockets, strict=True):
            listeners.setdefault(name, []).append(socket.socket(fileno=number))
        facts = said.facts
        shared = Ledger(facts["rows"], facts["row"], ledger)
        place = Place(listeners, shared, facts["seat"], facts["first"], alone=False, everybodys=self._everybodys)
        return dataclasses.replace(place, lasting=facts["lasting"])

    async def _everybodys(self) -> Sequence[bytes]:
        """The figures of all processes, those that have ended included; a wrong sum would be worse than none."""
        self._figures = asyncio.get_running_loop().create_future()
        try:
            self._line.say(Said(Word.WANT_FIGURES))
            return await asyncio.wait_for(self._figures, _PATIENCE_SECONDS)
        except (OSError, TimeoutError) as e:
            raise UnavailableError("the figures of the other processes do not come, try again later") from e

    async def follow(self, inherit: Work, snapshot: Callable[[], bytes], take: Take) -> None:
        """From when this one serves: do what the parent says until it is gone."""
        self._line.say(Said(Word.LISTENING))
        async with asyncio.TaskGroup() as doing:
            while (said := await self._line.hear()) is not None:
                match said.what:
                    case Word.INHERIT:
                        doing.create_task(self._attempt(inherit()))
                    case Word.TELL_FIGURES:
                        doing.create_task(self._attempt(self.tell(snapshot)))
                    case Word.CONNECTION:
                        connection = socket.socket(fileno=said.files[0])
                        doing.create_task(self._attempt(take(said.facts["listener"], connection)))
                    case Word.ALL_FIGURES:
                        self._told(said.content().splitlines())

    async def tell(self, snapshot: Callable[[], bytes]) -> None:
        """The parent keeps the figures beyond the end of this process."""
        self._line.say_at_length(Word.FIGURES, await asyncio.to_thread(snapshot))

    async def _attempt(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as e:  # what the parent says next is done all the same
            self._log.exception("a worker could not do as it was told", e)

    def _told(self, snapshots: Sequence[bytes]) -> None:
        if self._figures and not self._figures.done():
            self._figures.set_result(snapshots)
