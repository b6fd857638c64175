"""Lets what many streams send wait a moment for each other, so that it is worked on in one go.

A message that comes alone finds the caches full of something else, and its way through the gateway costs twice what it
costs behind another one. Where few send nobody waits; where many do, up to the time that their turn at the models would
wait for others anyway, and that turn begins when the last of them has been handed on.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from frontend.telemetry.rate import Rate

# Less is worth no timer.
_LEAST_SECONDS = 0.001
# So many have their turn, then the event loop.
_AT_ONCE = 16
# What waits of one connection, at most: it is not counted yet.
_MOST_BYTES = 16 << 10


class Gathering:
    """Of all connections of a process. A full one, of `most`, does not wait for more."""

    def __init__(self, wait_seconds: float = 0.0, most: int = 1, then: Callable[[], None] = lambda: None) -> None:
        """`then` is called behind the last of those that were called together."""
        self._wait_seconds = wait_seconds
        self._most = most
        self._then = then
        self._joined: deque[Callable[[], None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._going = False
        self._rate = Rate()

    def place(self, call: Callable[[], None]) -> "Place":
        return Place(self, call)

    def join(self, call: Callable[[], None]) -> None:
        self._joined.append(call)
        if self._going or (self._timer is not None and len(self._joined) < self._most):
            return
        wait_seconds = self._rate.wait_seconds(self._wait_seconds)
        if wait_seconds < _LEAST_SECONDS or len(self._joined) >= self._most:
            self.go()
        else:
            self._timer = asyncio.get_running_loop().call_later(wait_seconds, self.go)

    def go(self) -> None:
        """Without waiting for more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._joined and not self._going:
            self._going = True
            self._rate.count(len(self._joined), asyncio.get_running_loop().time())
            self._call()

    def _call(self) -> None:
        try:
            for _ in range(min(_AT_ONCE, len(self._joined))):
                self._joined.popleft()()
        finally:  # whatever one of them did, the others are called
            if self._joined:
                asyncio.get_running_loop().call_soon(self._call)
            else:
                self._going = False
                self._then()


class Place:
    """One connection's: `call` looks at what has come of it, with others' or at once."""

    def __init__(self, gathering: Gathering, call: Callable[[], None]) -> None:
        self._gathering = gathering
        self._look = call
        self._bytes, self._joined = 0, False
        # Whether what comes next is of the kind that may wait.
        self.may_wait = False

    def came(self, size_bytes: int) -> None:
        self._bytes += size_bytes
        if not self.may_wait or self._bytes > _MOST_BYTES:
            self._bytes = 0
            self._look()
        elif not self._joined:
            self._joined = True
            self._gathering.join(self._called)

    def leave(self) -> None:
        """Nothing comes any more: who is called has this place, and no circle is left."""
        self._look = lambda: None

    def _called(self) -> None:
        self._joined, self._bytes = False, 0
        self._look()
