"""The messages of one connection that wait to be handled because one before them has to wait for something.

Nothing else waits: a message that can be handled is handled in the call that brings it. The client goes on being read,
so that Pings are answered whatever is worked on; only one that is far ahead is held back.
"""

import asyncio
from collections.abc import Callable

from frontend.connection.outbox import Slot
from frontend.dialogue.messages import RawMessage

# More is not read ahead.
_LONG_BYTES, _LONG_MESSAGES = 4 << 20, 1024
# So many that have waited are handled between two turns of the event loop.
_AT_ONCE = 8

Handle = Callable[[RawMessage, Slot], "asyncio.Task[None] | None"]


def _forget(message: RawMessage, _: Slot) -> None:
    message.close()


class Inbox:
    """`handle` handles a message, or gives back the task that does; `flow` is told when the length has changed."""

    def __init__(self, handle: Handle, flow: Callable[[], None]) -> None:
        self._handle = handle
        self._flow = flow
        # Few at most: what most connections never use is to cost them nothing, as an empty deque would.
        self._waiting = list[tuple[RawMessage, Slot]]()
        self._busy: asyncio.Task[None] | None = None
        self._in_hand: RawMessage | None = None  # the busy one's
        self._again: asyncio.Handle | None = None
        self._last: Callable[[], None] | None = None
        self.held_bytes = 0

    @property
    def is_long(self) -> bool:
        return len(self._waiting) >= _LONG_MESSAGES or self.held_bytes > _LONG_BYTES

    @property
    def is_busy(self) -> bool:
        return self._busy is not None

    def put(self, message: RawMessage, slot: Slot) -> None:
        if self._waiting or self._busy is not None:
            self._waiting.append((message, slot))
            self.held_bytes += message.size_bytes
            self._flow()
        elif (busy := self._handle(message, slot)) is not None:
            self._await(busy, message)

    def last(self, then: Callable[[], None]) -> None:
        """Do this when everything has been handled; no message will come any more."""
        self._last = then
        if self._busy is None and not self._waiting:
            then()

    async def close(self) -> None:
        """Forget what waits: the conversation is over."""
        for message, _ in self._waiting:
            message.close()
        self._waiting.clear()
        self._last = None
        if self._again is not None:
            self._again.cancel()
        busy, in_hand = self._busy, self._in_hand
        if busy is not None and in_hand is not None and busy.cancel():
            await asyncio.gather(busy, return_exceptions=True)
            in_hand.close()  # a task that never began could not do it
        # Whoever is told of messages has this inbox: a circle that is cut leaves nothing to search for.
        self._handle, self._flow = _forget, lambda: None

    def _await(self, busy: "asyncio.Task[None]", message: RawMessage) -> None:
        self._busy, self._in_hand = busy, message
        busy.add_done_callback(self._handled)
        self._flow()

    def _handled(self, _: "asyncio.Task[None]") -> None:
        self._busy = self._in_hand = None
        self._go_on()

    def _go_on(self) -> None:
        self._again = None
        for _ in range(_AT_ONCE):
            if not self._waiting or self._busy is not None:
                break
            message, slot = self._waiting.pop(0)
            self.held_bytes -= message.size_bytes
            if (busy := self._handle(message, slot)) is not None:
                self._await(busy, message)
        if self._busy is None:
            if self._waiting:
                self._again = asyncio.get_running_loop().call_soon(self._go_on)
            elif self._last is not None:
                self._last()
        self._flow()
