"""What many have used of a few things, counted for all processes together, in memory that they share.

As in the ledger there is no lock: each process writes in a table of its own and reads what stands in all of them, so
two that take the last of something at the same moment may both get it. A table is bounded: where there is no room for
one more, whoever was seen least recently is forgotten.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

WORD_BYTES = 8
MINUTE_SECONDS, DAY_SECONDS = 60, 86_400
# Mistakes are forgotten when none was made for so long.
FORGIVEN_SECONDS = 600
# So many share a place in the table; a place is searched from end to end.
WAYS = 8


class Field(IntEnum):
    """The words of one account."""

    NUMBER = 0
    SEEN = 1  # when it last changed, in seconds
    OPEN = 2  # what it holds open now: lost with the process that counted it
    MINUTE = 3
    REQUESTS = 4  # in that minute
    DAY = 5
    AUDIO_MS = 6  # on that day
    BYTES = 7  # on that day
    MISTAKES = 8  # of late
    MISTAKEN_MS = 9  # when the last one was made


_WORDS = len(Field)
_PLACE_WORDS = WAYS * _WORDS
_NOTHING = bytes(_WORDS * WORD_BYTES)


@dataclass(frozen=True)
class Usage:
    """What one account has used, in all processes."""

    open: int = 0
    requests: int = 0  # of this minute
    audio_ms: int = 0  # of this day
    size_bytes: int = 0  # of this day
    mistakes: int = 0  # of late
    mistaken_ms: int = 0  # the last one


class Accounts:
    """The table of one process, and those beside it. Time is given in seconds since 1970."""

    def __init__(self, words: memoryview, rows: int, row: int, secret: bytes) -> None:
        """`words` hold the tables of all rows; the secret keeps whoever is counted from choosing a neighbour."""
        self._words, self._rows, self._row, self._secret = words, rows, row, secret
        self._table_words = len(words) // rows
        self._places = self._table_words // _PLACE_WORDS

    @classmethod
    def alone(cls) -> "Accounts":
        """Of a process that has none beside it, for a few."""
        return cls(memoryview(bytearray(cls.size_bytes(1, 1))).cast("q"), 1, 0, b"")

    @staticmethod
    def size_bytes(rows: int, places: int) -> int:
        return rows * places * _PLACE_WORDS * WORD_BYTES

    def number(self, *of: str) -> int:
        """By which all processes know an account; never 0, which stands where there is none."""
        text = "\0".join(of).encode(errors="surrogatepass")
        digest = hashlib.blake2b(text, digest_size=WORD_BYTES, key=self._secret).digest()
        return int.from_bytes(digest, "big") >> 1 or 1

    def knows(self, number: int) -> bool:
        return any(self._found(row, number) is not None for row in range(self._rows))

    def usage(self, number: int, now_seconds: float) -> Usage:
        minute, day = _periods(now_seconds)
        starts = [start for row in range(self._rows) if (start := self._found(row, number)) is not None]
        told = [self._words[start : start + _WORDS].tolist() for start in starts]
        return Usage(
            sum(each[Field.OPEN] for each in told),
            sum(each[Field.REQUESTS] for each in told if each[Field.MINUTE] == minute),
            sum(each[Field.AUDIO_MS] for each in told if each[Field.DAY] == day),
            sum(each[Field.BYTES] for each in told if each[Field.DAY] == day),
            sum(each[Field.MISTAKES] for each in told if _remembers(each, now_seconds)),
            max((each[Field.MISTAKEN_MS] for each in told), default=0),
        )

    def add(self, number: int, now_seconds: float, **used: int) -> None:
        """`used` are fields of the account by their names in small letters; what is old counts no more."""
        minute, day = _periods(now_seconds)
        account = self._own(number, now_seconds)
        if account[Field.MINUTE] != minute:
            account[Field.MINUTE], account[Field.REQUESTS] = minute, 0
        if account[Field.DAY] != day:
            account[Field.DAY], account[Field.AUDIO_MS], account[Field.BYTES] = day, 0, 0
        for name, amount in used.items():
            field = Field[name.upper()]
            account[field] = max(0, account[field] + amount)  # one that was forgotten meanwhile begins anew

    def mistake(self, number: int, now_seconds: float) -> None:
        account = self._own(number, now_seconds)
        if not _remembers(account, now_seconds):
            account[Field.MISTAKES] = 0
        account[Field.MISTAKES] += 1
        account[Field.MISTAKEN_MS] = int(1000 * now_seconds)

    def take_over(self, row: int) -> None:
        """The process whose table it was has ended: what it counted goes on here, what it held open is no more."""
        for start in range(row * self._table_words, (row + 1) * self._table_words, _WORDS):
            if (number := self._words[start]) == 0:
                continue
            left = self._words[start : start + _WORDS].tolist()
            self._words[start] = 0
            self._inherit(number, left)

    def _inherit(self, number: int, left: Sequence[int]) -> None:
        mine = self._own(number, 0)
        for period, amounts in ((Field.MINUTE, (Field.REQUESTS,)), (Field.DAY, (Field.AUDIO_MS, Field.BYTES))):
            if left[period] > mine[period]:
                mine[period] = left[period]
                for amount in amounts:
                    mine[amount] = 0
            for amount in amounts if left[period] == mine[period] else ():
                mine[amount] += left[amount]
        latest_seconds = max(mine[Field.MISTAKEN_MS], left[Field.MISTAKEN_MS]) / 1000
        mine[Field.MISTAKES] = sum(each[Field.MISTAKES] for each in (mine, left) if _remembers(each, latest_seconds))
        for latest in (Field.SEEN, Field.MISTAKEN_MS):
            mine[latest] = max(mine[latest], left[latest])

    def _own(self, number: int, now_seconds: float) -> memoryview:
        """This process's account. It is to be written at once: it may be forgotten while it holds nothing open."""
        start = self._found(self._row, number)
        if start is None:
            start = min(self._starts(self._row, number), key=self._worth)
            self._words[start : start + _WORDS] = memoryview(_NOTHING).cast("q")
            self._words[start] = number
        account = self._words[start : start + _WORDS]
        account[Field.SEEN] = max(account[Field.SEEN], int(now_seconds))
        return account

    def _starts(self, row: int, number: int) -> range:
        first = row * self._table_words + number % self._places * _PLACE_WORDS
        return range(first, first + _PLACE_WORDS, _WORDS)

    def _found(self, row: int, number: int) -> int | None:
        starts = self._starts(row, number)
        numbers = self._words[starts.start : starts.stop : _WORDS].tolist()
        return starts[numbers.index(number)] if number in numbers else None

    def _worth(self, start: int) -> tuple[bool, bool, int]:
        """How much would be lost by forgetting the account that lies here."""
        words = self._words
        return words[start] != 0, words[start + Field.OPEN] > 0, words[start + Field.SEEN]


def _remembers(account: Sequence[int], now_seconds: float) -> bool:
    """Whether its mistakes are not forgotten yet."""
    return now_seconds - account[Field.MISTAKEN_MS] / 1000 < FORGIVEN_SECONDS


def _periods(now_seconds: float) -> tuple[int, int]:
    return int(now_seconds // MINUTE_SECONDS), int(now_seconds // DAY_SECONDS)
