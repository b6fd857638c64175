"""One bound over what all clients together may make the gateway hold."""

from typing import Protocol

from prometheus_client import Gauge

from frontend.errors import OverloadedError


class Room(Protocol):
    """Where bytes are kept: OverloadedError when there is no more of it."""

    def take(self, size_bytes: int) -> None: ...

    def give_back(self, size_bytes: int) -> None: ...


class Budget:
    """Bytes that are taken before something is kept and given back when it is gone."""

    def __init__(self, limit_bytes: int, what: str, gauge: Gauge) -> None:
        self._limit_bytes = limit_bytes
        self._what = what
        self.used_bytes = 0
        gauge.set_function(lambda: self.used_bytes)  # read when somebody looks: every message moves it many times

    def take(self, size_bytes: int) -> None:
        if self.used_bytes + size_bytes > self._limit_bytes:
            raise OverloadedError(f"the gateway's {self._what} is full, try again later")
        self.used_bytes += size_bytes

    def note(self, size_bytes: int) -> None:
        """Count what is there already, whatever the limit."""
        self.give_back(-size_bytes)

    def give_back(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes


class Share:
    """What one kind of work may take of a budget, so that it never shuts the others out."""

    def __init__(self, budget: Budget, limit_bytes: int, what: str) -> None:
        self._budget = budget
        self._limit_bytes = limit_bytes
        self._what = what
        self._used_bytes = 0

    def take(self, size_bytes: int) -> None:
        if self._used_bytes + size_bytes > self._limit_bytes:
            raise OverloadedError(f"the gateway holds too many {self._what} now, try again later")
        self._budget.take(size_bytes)
        self._used_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        self._used_bytes -= size_bytes
        self._budget.give_back(size_bytes)
