"""How many calls of one model may be under way: so many at each Triton that serves it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from frontend.triton.endpoint import Place


class Permits:
    """Given in the order in which they are asked for. One is taken with `acquire`, and used up by a call that begins;
    what the call takes of its Triton is free again when it is over, however long nobody waits for it any more."""

    def __init__(self, most: int, places: Callable[[], Sequence[Place]]) -> None:
        self._most, self._places = most, places
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        if not self._waiting and self._free() > 0:
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:  # it had just been given
                self.release()
            raise

    def release(self) -> None:
        """Unused."""
        self._taken -= 1
        self.look()

    def use(self) -> None:
        """By a call that begins now."""
        self._taken -= 1

    def look(self) -> None:
        """After a call is over, or places changed."""
        while self._waiting and self._free() > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

    @property
    def occupied(self) -> float:
        """The part that is taken, from 0 to 1."""
        most = self._most * len(self._places())
        return min(1.0, 1 - self._free() / most)

    def _free(self) -> int:
        most = self._most
        free = -self._taken
        for place in self._places():
            if place.calls < most:
                free += most - place.calls
        return free
