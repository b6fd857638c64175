"""Decoders that fall into a loop repeat themselves to the end: how that is seen, and where it began."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

# A loop comes round at least this often and takes at least so many tokens; people say "no no no" too.
_ROUNDS, _TOKENS = 3, 8


def compression_ratio(text: str) -> float:
    """How much smaller zlib makes the text; prose is below 2, loops are above 2.4 (Whisper's measure)."""
    content = text.encode()
    return len(content) / len(zlib.compress(content)) if content else 1.0


def loop_start(tokens: Sequence[int], word_ends: Sequence[int] = ()) -> int | None:
    """Where the repetition begins that lasts to the last token; its first round comes before. None without one.

    Chance letters before a loop may be like its own ("cat sat sat sat"), so that it begins within a word: the word is
    then kept whole, if it ends within one more round.
    """
    said = np.asarray(tokens)
    best: tuple[int, int] | None = None
    for period in range(1, len(said) // _ROUNDS + 1):
        equal = said[period:] == said[:-period]
        repeated = len(equal) if equal.all() else int(np.argmin(equal[::-1]))
        long_enough = repeated >= (_ROUNDS - 1) * period and repeated + period >= _TOKENS
        if long_enough and (best is None or len(said) - repeated < best[0]):
            best = len(said) - repeated, period
    if best is None:
        return None
    start, period = best
    return next((end for end in word_ends if start <= end < start + period), start)
