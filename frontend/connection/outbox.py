"""The replies of one connection, in the order of the messages they answer.

A message takes its slot when it arrives; the slot is filled whenever an answer is known and is closed after the last.
Its answers leave when everything before it has left. So an error never overtakes the answers before it, and what the
client does not read is bounded.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from frontend.dialogue.commands import HangUp, Text
from frontend.errors import OverloadedError
from frontend.memory.budget import Budget

# What a slot itself takes, and a text that is written out only when it is sent.
_SLOT_BYTES = 256


@dataclass(eq=False)
class Slot:
    """The place of the answers to one message: mostly one, sometimes none or several."""

    arrived_seconds: float
    contents: list[Text | HangUp] = field(default_factory=list)
    closed: bool = False


class Outbox:
    def __init__(self, limit_bytes: int, held: Budget) -> None:
        self._limit_bytes = limit_bytes
        self._held = held
        self._used_bytes = 0
        self._slots: deque[Slot] = deque()
        self._changed = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    async def emptied(self) -> None:
        """Return when every answer has been handed out, or the outbox was cleared."""
        await self._empty.wait()

    def place(self, arrived_seconds: float) -> Slot:
        """A slot behind all others; OverloadedError when the client leaves too much unread."""
        self._hold(_SLOT_BYTES)
        slot = Slot(arrived_seconds)
        self._slots.append(slot)
        self._empty.clear()
        return slot

    def fill(self, slot: Slot, content: Text | HangUp) -> None:
        self._hold(_bytes_of(content))
        slot.contents.append(content)
        self._changed.set()

    def close(self, slot: Slot) -> None:
        """No answer will be added."""
        slot.closed = True
        self._changed.set()

    async def take(self) -> Text | HangUp:
        """The next answer, as soon as it is known."""
        while not (self._slots and self._slots[0].contents):
            if self._slots and self._slots[0].closed:
                self._leave()
            else:
                self._changed.clear()
                await self._changed.wait()
        slot = self._slots[0]
        content = slot.contents.pop(0)
        self._release(_bytes_of(content))
        if slot.closed and not slot.contents:
            self._leave()
        return content

    def clear(self) -> None:
        """Forget everything: the client is gone."""
        self._slots.clear()
        self._empty.set()
        self._release(self._used_bytes)

    def _leave(self) -> None:
        self._slots.popleft()
        self._release(_SLOT_BYTES)
        if not self._slots:
            self._empty.set()

    def _hold(self, size_bytes: int) -> None:
        if self._used_bytes + size_bytes > self._limit_bytes:
            raise OverloadedError("too many replies wait to be read")
        self._held.take(size_bytes)
        self._used_bytes += size_bytes

    def _release(self, size_bytes: int) -> None:
        self._used_bytes -= size_bytes
        self._held.give_back(size_bytes)


def _bytes_of(content: Text | HangUp) -> int:
    """A text that is written out only when it is sent counts with its slot."""
    return len(content) if isinstance(content, str) else 0
