"""One bound over what all clients together may make the gateway hold."""

from prometheus_client import Gauge

from frontend.errors import OverloadedError


class Budget:
    """Bytes that are taken before something is kept and given back when it is gone."""

    def __init__(self, limit_bytes: int, what: str, gauge: Gauge) -> None:
        self._limit_bytes = limit_bytes
        self._what = what
        self._gauge = gauge
        self.used_bytes = 0

    def take(self, size_bytes: int) -> None:
        if self.used_bytes + size_bytes > self._limit_bytes:
            raise OverloadedError(f"the gateway's {self._what} is full, try again later")
        self.used_bytes += size_bytes
        self._gauge.set(self.used_bytes)

    def give_back(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes
        self._gauge.set(self.used_bytes)
