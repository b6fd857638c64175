"""Numbers that several processes share: each writes its own and reads what all have.

There is no lock: a number has one writer, and the processor writes a word of memory whole. Two processes that take the
last of something at the same moment may both get it, so that a limit is passed by as much as they took at once.
"""

import mmap
import os
import secrets

from frontend.memory.accounts import WAYS, Accounts, Field

_WORD_BYTES = 8
_SECRET_BYTES = 32
# What is counted for all processes together; and when the event loop of each last turned.
THINGS = ("connections", "outliving", "memory", "uploads", "files", "disk", "exports", "pulse")
# What is there still when the process that made it has ended.
_LASTING = ("exports",)
# Of each process; eight accounts have room in a place. Memory is taken as it is written.
_KEY_PLACES, _ADDRESS_PLACES = 512, 1024
# Where each number stands: processes that share a ledger must agree.
LAYOUT = f"{THINGS} {[*Field.__members__]} {WAYS} {_KEY_PLACES} {_ADDRESS_PLACES} {_SECRET_BYTES}"


class Tally:
    """How much of one thing this process has, and how much all have. Without a ledger there are no others."""

    def __init__(self, amounts: memoryview | None = None, row: int = 0) -> None:
        self._amounts = memoryview(bytearray(_WORD_BYTES)).cast("q") if amounts is None else amounts
        self._row = row

    def set(self, amount: int) -> None:
        self._amounts[self._row] = amount

    @property
    def total(self) -> int:
        return sum(self._amounts)


class Ledger:
    """A row of numbers for each process, in a memory file that they hand to each other."""

    def __init__(self, rows: int = 1, row: int = 0, file: int | None = None) -> None:
        """New where there is no file yet, which stays open for as long as the ledger is used."""
        self.rows, self.row = rows, row
        sizes_bytes = [
            rows * len(THINGS) * _WORD_BYTES,
            *(Accounts.size_bytes(rows, places) for places in (_KEY_PLACES, _ADDRESS_PLACES)),
        ]
        end_bytes = sum(sizes_bytes)
        if file is None:
            file = os.memfd_create("ledger", os.MFD_CLOEXEC)
            os.pwrite(file, secrets.token_bytes(_SECRET_BYTES), end_bytes)
        self.file = file
        # What nobody but these processes knows.
        self.secret = os.pread(file, _SECRET_BYTES, end_bytes)
        shared = memoryview(mmap.mmap(file, end_bytes)).cast("q")
        ends = [sum(sizes_bytes[: each + 1]) // _WORD_BYTES for each in range(len(sizes_bytes))]
        self._words = shared[: ends[0]]
        # Who has a key never has to make room for who has none.
        self.keys = Accounts(shared[ends[0] : ends[1]], rows, row, self.secret)
        self.addresses = Accounts(shared[ends[1] : ends[2]], rows, row, self.secret)

    def tally(self, thing: str) -> Tally:
        return Tally(self._column(thing), self.row)

    def amount(self, thing: str, row: int) -> int:
        """What the process of a row has."""
        return int(self._column(thing)[row])

    def take_over(self, row: int) -> None:
        """The process whose row it was has ended: what lasts is counted in this row from now on."""
        for thing in THINGS:
            amounts = self._column(thing)
            amounts[self.row] += amounts[row] if thing in _LASTING else 0
            amounts[row] = 0
        for accounts in (self.keys, self.addresses):
            accounts.take_over(row)

    def owns(self, number: int) -> bool:
        """Whether the number is one of those that this process alone gives away."""
        return number % self.rows == self.row

    def _column(self, thing: str) -> memoryview:
        start = THINGS.index(thing) * self.rows
        return self._words[start : start + self.rows]
