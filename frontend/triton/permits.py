"""How many calls of one model may be under way: so many at each Triton that serves it."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from frontend.triton.endpoint import Place


class Permits:
    """Given in the order in which they are asked for, to what is urgent first.

    One is taken with `acquire`, and used up by a call that begins; what the call takes of its Triton is free again when
    it is over, however long nobody waits for it any more.
    """

    def __init__(self, most: int, places: Callable[[], Sequence[Place]]) -> None:
        self.most, self._places = most, places
        self._taken = 0
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    def locked(self) -> bool:
        """Whether who asks for one now has to wait."""
        return bool(self._urgent or self._others) or self._free() <= 0

    async def acquire(self, urgent: bool = True) -> None:
        waiting = self._urgent if urgent else self._others
        if not self.locked():
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had just been given
                self.release()
            elif turn in waiting:
                waiting.remove(turn)
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
        while (waiting := self._urgent or self._others) and self._free() > 0:
            turn = waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)

    def _free(self) -> int:
        most = self.most
        free = -self._taken
        for place in self._places():
            if place.calls < most:
                free += most - place.calls
        return free
