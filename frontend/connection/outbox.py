"""The replies of one connection, in the order of the messages they answer.

A message takes its slot when it arrives; the slot is filled whenever an answer is known and is complete when all that
the message asked for is answered. Its answers leave when everything before it has left, at once if the client reads.
So an error never overtakes the answers before it, and what the client does not read is bounded.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from frontend.dialogue.commands import HangUp, Text
from frontend.errors import OverloadedError
from frontend.memory.budget import Lease

# What a slot itself takes, and a text that is written out only when it is sent; the first few are a connection's own.
_SLOT_BYTES = 256
_OWN_SLOTS = 16
# So many replies at most leave between two turns of the event loop.
_SENT_AT_ONCE = 64


class Sender(Protocol):
    """Where replies go."""

    @property
    def writable(self) -> bool:
        """Whether the client reads: what is sent else would only pile up."""
        ...

    def send(self, data: bytes) -> None: ...


class Slot:
    """The place of the answers to one message: mostly one, sometimes none or several."""

    __slots__ = ("arrived_seconds", "contents", "owed")

    def __init__(self, arrived_seconds: float) -> None:
        self.arrived_seconds = arrived_seconds
        self.contents: list[Text | HangUp] = []
        # What has still to be closed before it is complete: understanding the message, and each thing it asked for,
        # which whoever does it adds.
        self.owed = 1


class Outbox:
    """Bounded by a number of bytes that its lease holds; beyond it OverloadedError."""

    def __init__(self, sender: Sender, limit_bytes: int, lease: Lease) -> None:
        self._sender = sender
        self._limit_bytes = limit_bytes
        self._lease = lease
        self._slots: list[Slot] = []
        self._cleared = False
        self._again: asyncio.Handle | None = None
        self._emptied: asyncio.Event | None = None
        # Told when hanging up is the next thing to say.
        self.on_hang_up: Callable[[HangUp], None] = lambda _: None

    async def emptied(self) -> None:
        """Return when every answer has been sent, or the outbox was cleared."""
        self._emptied = asyncio.Event()
        if self._slots:
            await self._emptied.wait()

    def place(self, arrived_seconds: float) -> Slot:
        """A slot behind all others; OverloadedError when the client leaves too much unread."""
        slot = Slot(arrived_seconds)
        if not self._cleared:
            if len(self._slots) >= _OWN_SLOTS:
                self._hold(_SLOT_BYTES)
            self._slots.append(slot)
        return slot

    def fill(self, slot: Slot, content: Text | HangUp) -> None:
        if self._cleared:
            return
        if slot is self._slots[0] and not slot.contents and self._sender.writable and not isinstance(content, HangUp):
            self._sender.send(content.encode())
            return
        self._hold(_bytes_of(content))
        slot.contents.append(content)
        self.flush()

    def close(self, slot: Slot) -> None:
        """Something that it was to be answered by has said all."""
        slot.owed -= 1
        if slot.owed == 0 and self._slots and slot is self._slots[0]:
            self.flush()

    def flush(self) -> None:
        """Send what is known, as far as the client reads, and leave the event loop to others in between."""
        if self._again is not None:
            return
        sent = 0
        while self._slots and self._sender.writable:
            slot = self._slots[0]
            if slot.contents:
                content = slot.contents.pop(0)
                self._lease.shrink(_bytes_of(content))
                if isinstance(content, HangUp):
                    self.on_hang_up(content)
                    return
                self._sender.send(content.encode())
                sent += 1
                if sent >= _SENT_AT_ONCE:
                    self._again = asyncio.get_running_loop().call_soon(self._go_on)
                    return
            elif slot.owed == 0:
                self._leave()
            else:
                return

    def clear(self) -> None:
        """Forget everything: the client is gone."""
        self._cleared = True
        self._slots.clear()
        self.on_hang_up = lambda _: None  # who has this outbox: no circle is left
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._lease.close()
        if self._emptied is not None:
            self._emptied.set()

    def _go_on(self) -> None:
        self._again = None
        self.flush()

    def _leave(self) -> None:
        self._slots.pop(0)
        if len(self._slots) >= _OWN_SLOTS:
            self._lease.shrink(_SLOT_BYTES)
        if not self._slots and self._emptied is not None:
            self._emptied.set()

    def _hold(self, size_bytes: int) -> None:
        if self._lease.size_bytes + size_bytes > self._limit_bytes:
            raise OverloadedError("too many replies wait to be read")
        self._lease.grow(size_bytes)


def _bytes_of(content: Text | HangUp) -> int:
    """A text that is written out only when it is sent counts with its slot."""
    return len(content) if isinstance(content, str) else 0
