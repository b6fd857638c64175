"""The parent of several workers: starts them, replaces those that die or hang, and keeps what must outlive a worker.

That is the ports, the ledger of what all hold, and the figures of those that have ended. It serves nothing itself.
"""

import asyncio
import contextlib
import errno
import functools
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from frontend.config.settings import Settings
from frontend.memory.ledger import LAYOUT, Ledger
from frontend.recordings.claims import claimed_directory
from frontend.telemetry.joining import Joined
from frontend.telemetry.logs import Log
from frontend.telemetry.rounds import Rounds
from frontend.telemetry.upkeep import kept_up
from frontend.workers import listening
from frontend.workers.lasting import lasting
from frontend.workers.line import Said, Word
from frontend.workers.process import WorkerProcess
from frontend.workers.pulse import Pulse
from frontend.workers.seat import Seat
from frontend.workers.stand_in import StandIn

# The exit code of settings that cannot be used.
REFUSED = 2
_START_SECONDS = 120.0
_FIGURES_PAUSE_SECONDS = 0.1
_FIGURES_PATIENCE_SECONDS = 1.0
# A worker that is killed takes with it what it counted in this time at most.
_FIGURES_SECONDS = 10.0


class Parent:
    def __init__(self, settings: Settings, arguments: Sequence[str]) -> None:
        """`arguments` are given to each worker, which reads the settings anew."""
        self._arguments, self._lasting = arguments, lasting(settings)
        self._log = Log("workers")
        self._grace_seconds = settings.server.stop_seconds + 2.0
        # Those that nobody has. While one drains its successor serves already; a row more is for what outlives them.
        self._free_rows = list(range(settings.server.workers + 1))
        self._ledger = Ledger(len(self._free_rows) + 1, len(self._free_rows))
        sockets = [listening.bound(listening.addresses(settings), shared=True)]
        sockets += [listening.bound_beside(sockets[0]) for _ in range(settings.server.workers - 1)]
        self._seats = [Seat(number, listeners) for number, listeners in enumerate(sockets)]
        self._stand_in = StandIn(self._seats, self._log)
        self._lock = claimed_directory(Path(settings.exports.directory)) if settings.exports.enabled else None
        self._steward: WorkerProcess | None = None  # who looks after what others left
        self._figures = Rounds(self._everybodys_figures, _FIGURES_PAUSE_SECONDS)
        self._ended_figures = Joined([]).of_ended()
        self._pulse = Pulse(self._ledger, settings.server.hung_seconds, self._log)
        self._doing: set[asyncio.Task[None]] = set()
        self._served, self._stopping, self._replacing = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._code = 0

    async def run(self) -> int:
        """Until SIGTERM or Ctrl-C; SIGHUP replaces the workers one by one. The exit code."""
        loop = asyncio.get_running_loop()
        signals = {signal.SIGTERM: self._stopping, signal.SIGINT: self._stopping, signal.SIGHUP: self._replacing}
        for number, event in signals.items():
            loop.add_signal_handler(number, event.set)
        upkeep = {"replace_workers": self._keep_replacing, "ask_for_figures": self._keep_asking}
        upkeep["watch_pulse"] = lambda: self._pulse.watch(self._beating)
        background = [loop.create_task(kept_up(name, work, self._log)) for name, work in upkeep.items()]
        await self._fill(self._seats[0])  # alone at first: it says whether the settings can be used
        await self._stopping.wait()
        for number in signals:  # the second one ends this process at once, and with it the workers
            loop.remove_signal_handler(number)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._stop()
        return self._code

    def _beating(self) -> list[WorkerProcess]:
        """One that was told to go is ended in time by who told it, and no longer says that it lives."""
        return [worker for worker in self._workers if not worker.leaving]

    @property
    def _workers(self) -> list[WorkerProcess]:
        return [worker for seat in self._seats for worker in seat.workers]

    async def _fill(self, seat: Seat) -> None:
        """However many saw that it is vacant, one comes to sit there."""
        while seat.is_vacant and not seat.filling and not self._stopping.is_set():
            seat.filling = True
            try:
                await self._start(seat)
                return
            except OSError as e:
                self._log.warning("worker not started", seat=seat.number, reason=e.strerror)
            finally:
                seat.filling = False
            await self._pause(seat)

    async def _start(self, seat: Seat) -> WorkerProcess:
        if not self._free_rows:
            raise OSError(errno.EAGAIN, "others have yet to end")
        row = self._free_rows.pop(0)
        try:
            worker = await WorkerProcess.start(self._arguments, row)
        except OSError:
            self._free_rows.append(row)
            raise
        seat.workers.append(worker)
        facts = {"layout": LAYOUT, "seat": seat.number, "rows": self._ledger.rows, "row": row, "lasting": self._lasting}
        facts |= {"first": not self._served.is_set(), "listeners": [name for name, _ in seat.sockets]}
        files = [self._ledger.file, *(each.fileno() for _, each in seat.sockets)]
        with contextlib.suppress(OSError):  # it has died already
            worker.line.say(Said(Word.BEGIN, facts, files))
        self._log.info("worker started", seat=seat.number, pid=worker.pid)
        self._do(self._tend(seat, worker))
        return worker

    async def _tend(self, seat: Seat, worker: WorkerProcess) -> None:
        code = await worker.run(functools.partial(self._heard, worker))
        seat.workers.remove(worker)
        if not self._stopping.is_set():
            self._stand_in.arrange()
        self._ended_figures = Joined([self._ended_figures, *filter(None, [worker.figures])]).of_ended()
        self._ledger.take_over(worker.row)
        self._free_rows.append(worker.row)
        self._appoint()
        told = self._log.info if worker.leaving else self._log.warning
        told("worker stopped" if worker.leaving else "worker died", seat=seat.number, pid=worker.pid, exit=code)
        if code == REFUSED and not self._served.is_set():
            self._code = REFUSED
            self._stopping.set()
        elif seat.is_vacant and not self._stopping.is_set():
            await self._pause(seat)
            await self._fill(seat)

    def _heard(self, worker: WorkerProcess, said: Said) -> None:
        if said.what == Word.LISTENING:
            self._log.info("worker serves", pid=worker.pid)
            self._stand_in.arrange()
            if self._steward is None:
                self._appoint()
            others = [] if self._served.is_set() else self._seats[1:]
            self._served.set()
            for seat in others:
                self._do(self._fill(seat))
        elif said.what == Word.WANT_FIGURES:
            self._do(self._give_figures(worker))

    async def _give_figures(self, worker: WorkerProcess) -> None:
        figures = await self._figures.join()
        with contextlib.suppress(OSError):
            worker.line.say_at_length(Word.ALL_FIGURES, figures)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._doing.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """What nobody expected ends the gateway rather than leaving a seat empty unnoticed."""
        self._doing.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._log.exception("keeping the workers failed", error)
            self._code = 1
            self._stopping.set()

    def _appoint(self) -> None:
        """Somebody finishes what those left who have ended."""
        able = [worker for worker in self._workers if worker.serves]
        if self._steward not in able:
            self._steward = able[0] if able else None
        if self._steward:
            with contextlib.suppress(OSError):
                self._steward.line.say(Said(Word.INHERIT))

    async def _everybodys_figures(self) -> bytes:
        """A line for each worker, and one for all that have ended."""
        if asked := [asyncio.ensure_future(worker.tell_figures()) for worker in self._workers]:
            _, late = await asyncio.wait(asked, timeout=_FIGURES_PATIENCE_SECONDS)
            for task in late:  # what they told before is what they count with
                task.cancel()
        told = [worker.figures for worker in self._workers]
        return b"\n".join(filter(None, [self._ended_figures, *told]))

    async def _keep_asking(self) -> None:
        while True:
            await asyncio.sleep(_FIGURES_SECONDS)
            await self._figures.join()

    async def _keep_replacing(self) -> None:
        while True:
            await self._replacing.wait()
            self._replacing.clear()
            self._log.info("replacing workers")
            for seat in self._seats:
                if not await self._replace(seat):
                    break

    async def _replace(self, seat: Seat) -> bool:
        """The old one stops when the new one serves; false when that does not come to it."""
        await seat.settled(_START_SECONDS)  # who starts may have read the settings before they changed
        if (old := seat.serving) is None:  # a new one is on its way anyway
            return True
        try:
            new = await self._start(seat)
        except OSError as e:
            self._log.warning("worker not started", seat=seat.number, reason=e.strerror)
            return False
        await asyncio.wait({new.listening}, timeout=_START_SECONDS)
        if not new.serves:
            self._log.warning("worker not replaced", seat=seat.number, pid=old.pid)
            new.kill()
            await self._gone([new])
            return False
        old.dismiss()
        self._appoint()
        await self._gone([old])
        return True

    async def _pause(self, seat: Seat) -> None:
        seconds = seat.pause_seconds(asyncio.get_running_loop().time())
        self._log.info("worker follows", seat=seat.number, in_seconds=seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _stop(self) -> None:
        """All at the same time, each with its drain; from now on nobody can connect."""
        self._log.info("stopping", workers=len(self._workers))
        self._stand_in.leave()
        for seat in self._seats:
            listening.close(seat.listeners)
        workers = self._workers
        for worker in workers:
            worker.dismiss()
        await self._gone(workers)
        await asyncio.gather(*self._doing, return_exceptions=True)
        self._log.info("stopped")

    async def _gone(self, workers: Sequence[WorkerProcess]) -> None:
        waiting = [asyncio.ensure_future(worker.gone.wait()) for worker in workers]
        if not waiting:
            return
        await asyncio.wait(waiting, timeout=self._grace_seconds)
        for worker in workers:
            if not worker.gone.is_set():
                self._log.warning("worker killed", pid=worker.pid, grace_seconds=self._grace_seconds)
                worker.kill()
        await asyncio.wait(waiting)
