"""The parent at the seats where nobody accepts: it hands what connects there to the workers that serve."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Sequence

from frontend.telemetry.logs import Log
from frontend.workers.line import Said, Word
from frontend.workers.process import WorkerProcess
from frontend.workers.seat import Seat

# So long nobody is accepted when all workers have more in hand than they took.
_REST_SECONDS = 0.05


class StandIn:
    """A dead worker's sockets stay open, so whoever was about to be accepted there, or comes meanwhile, is served."""

    def __init__(self, seats: Sequence[Seat], log: Log) -> None:
        self._seats = seats
        self._log = log
        self._taken = 0
        self._resting: asyncio.TimerHandle | None = None

    def arrange(self) -> None:
        """After anybody came or went: sit where nobody serves, as long as somebody does elsewhere."""
        self.leave()
        empty = [seat for seat in self._seats if not seat.serving]
        if len(empty) < len(self._seats):
            for name, each in itertools.chain.from_iterable(seat.sockets for seat in empty):
                asyncio.get_running_loop().add_reader(each, self._take, name, each)

    def leave(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        for seat in self._seats:
            for _, each in seat.sockets:
                asyncio.get_running_loop().remove_reader(each)

    def _take(self, name: str, listener: socket.socket) -> None:
        worker = self._next()
        if worker is None:  # who connects waits with the system, which refuses nobody
            self.leave()
            self._resting = asyncio.get_running_loop().call_later(_REST_SECONDS, self.arrange)
            return
        with contextlib.suppress(BlockingIOError):
            connection, _ = listener.accept()
            with connection:
                self._hand_over(worker, name, connection)

    def _next(self) -> WorkerProcess | None:
        """In turns, who takes what it is handed."""
        serving = [seat.serving for seat in self._seats if seat.serving]
        for _ in serving:
            worker = serving[self._taken % len(serving)]
            self._taken += 1
            if worker.line.has_room:
                return worker
        return None

    def _hand_over(self, worker: WorkerProcess, name: str, connection: socket.socket) -> None:
        try:
            worker.line.say(Said(Word.CONNECTION, {"listener": name}, [connection.fileno()]))
        except OSError as e:
            self._log.warning("connection lost", pid=worker.pid, reason=e.strerror)
