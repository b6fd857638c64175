"""One bound over what all clients together may make the gateway hold, and the leases that travel with what is held."""

import asyncio
from typing import Protocol

from prometheus_client import Gauge

from frontend.errors import OverloadedError
from frontend.memory.ledger import Tally

# Where there is no room, so often it is looked for again, and after such a pause.
_LOOKS, _PAUSE_SECONDS = 600, 0.1


class Allowance(Protocol):
    """What may be held of something: OverloadedError when there is no more of it."""

    def take(self, size_bytes: int) -> None: ...

    def give_back(self, size_bytes: int) -> None: ...

    def lease(self, size_bytes: int = 0) -> "Lease": ...


class Lease:
    """What is held for one owner: it travels with the bytes from the first read to the last use.

    Whoever drops the bytes closes it. It may grow and shrink on the way, and take over another one.
    """

    __slots__ = ("_allowance", "size_bytes")

    def __init__(self, allowance: Allowance, size_bytes: int = 0) -> None:
        allowance.take(size_bytes)
        self._allowance = allowance
        self.size_bytes = size_bytes

    def grow(self, size_bytes: int) -> None:
        self._allowance.take(size_bytes)
        self.size_bytes += size_bytes

    async def grow_in_time(self, size_bytes: int) -> None:
        """As soon as there is room; OverloadedError when there was none for a minute."""
        for _ in range(_LOOKS):
            try:
                return self.grow(size_bytes)
            except OverloadedError:
                await asyncio.sleep(_PAUSE_SECONDS)
        self.grow(size_bytes)

    def shrink(self, size_bytes: int) -> None:
        self._allowance.give_back(size_bytes)
        self.size_bytes -= size_bytes

    def absorb(self, other: "Lease") -> None:
        """Its bytes are ours from now on."""
        if other._allowance is not self._allowance:
            self._allowance.take(other.size_bytes)
            other._allowance.give_back(other.size_bytes)
        self.size_bytes += other.size_bytes
        other.size_bytes = 0

    def close(self) -> None:
        """Nothing is held any more; closing twice does no harm."""
        if self.size_bytes:
            size_bytes, self.size_bytes = self.size_bytes, 0
            self._allowance.give_back(size_bytes)


class Budget(Allowance):
    """Bytes that are taken before something is kept and given back when it is gone.

    The other processes are told in steps, so that not every message costs them a look: they take up to a step more for
    used than is.
    """

    def __init__(
        self, limit_bytes: int, what: str, gauge: Gauge, tally: Tally | None = None, step_bytes: int = 0
    ) -> None:
        self._limit_bytes = limit_bytes
        self._what = what
        self._tally = tally or Tally()
        self._step_bytes = step_bytes
        self._told_bytes = 0
        self.used_bytes = 0  # by this process
        gauge.set_function(lambda: self.used_bytes)  # read when somebody looks: every message moves it many times

    def take(self, size_bytes: int) -> None:
        used_bytes = self.used_bytes + size_bytes
        if used_bytes > self._told_bytes:
            others_bytes = self._tally.total - self._told_bytes
            if others_bytes + used_bytes > self._limit_bytes:
                raise OverloadedError(f"the gateway's {self._what} is full, try again later")
            self._tell(min(used_bytes + self._step_bytes, max(used_bytes, self._limit_bytes - others_bytes)))
        self.used_bytes = used_bytes

    def note(self, size_bytes: int) -> None:
        """Count what is there already, whatever the limit."""
        self.used_bytes += size_bytes
        self._tell(self.used_bytes)

    def measured(self, size_bytes: int) -> None:
        """So much is there, whoever has counted what of it."""
        self.note(size_bytes - self._tally.total)

    def give_back(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes
        if self._told_bytes - self.used_bytes > 2 * self._step_bytes:
            self._tell(self.used_bytes + self._step_bytes)

    def lease(self, size_bytes: int = 0) -> Lease:
        return Lease(self, size_bytes)

    def _tell(self, size_bytes: int) -> None:
        self._told_bytes = size_bytes
        self._tally.set(size_bytes)


class Share(Allowance):
    """What one kind of work may take of a budget, so that it never shuts the others out."""

    def __init__(self, budget: Budget, limit_bytes: int, what: str, tally: Tally | None = None) -> None:
        self._budget = budget
        self._tally = tally or Tally()
        self._limit_bytes = limit_bytes
        self._what = what
        self._used_bytes = 0

    def take(self, size_bytes: int) -> None:
        if self._tally.total + size_bytes > self._limit_bytes:
            raise OverloadedError(f"the gateway holds too many {self._what} now, try again later")
        self._budget.take(size_bytes)
        self._note(size_bytes)

    def give_back(self, size_bytes: int) -> None:
        self._note(-size_bytes)
        self._budget.give_back(size_bytes)

    def lease(self, size_bytes: int = 0) -> Lease:
        return Lease(self, size_bytes)

    def _note(self, size_bytes: int) -> None:
        self._used_bytes += size_bytes
        self._tally.set(self._used_bytes)
