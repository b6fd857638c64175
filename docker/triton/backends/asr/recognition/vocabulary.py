"""A tokenizer.json in use: text to token ids, and token ids to the smallest pieces that are text."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from .wish import RequestError

# A letter of at most four bytes can be spread over as many tokens.
_LETTER_TOKENS = 4
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"
_BYTE_LEVEL_SPACE, _LETTER_SPACE = "Ġ", "▁"


@dataclass(frozen=True)
class Unit:
    """Whole letters, and the tokens first to last - 1 that spell them."""

    text: str
    first: int
    last: int


class Vocabulary:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # Byte-level vocabularies spell a text's first word like any other, with its space; those that write the space
        # as a letter of its own put it there themselves, and may know the other's as a letter too.
        spaces = [tokenizer.token_to_id(space) is not None for space in (_BYTE_LEVEL_SPACE, _LETTER_SPACE)]
        self._spaces_first_word = spaces == [True, False]
        self._decoded = functools.lru_cache(maxsize=65_536)(self._decode)

    @classmethod
    def parse(cls, text: str) -> Vocabulary:
        return cls(Tokenizer.from_str(text))

    def encode(self, text: str, tensor: str) -> list[int]:
        """The ids of a text whose words carry their leading spaces; `tensor` is named when it cannot be spelled."""
        wanted = text if self._spaces_first_word else text.lstrip()
        try:
            ids = self._tokenizer.encode(wanted, add_special_tokens=False).ids
        except Exception as error:  # the package raises nothing more precise
            raise RequestError(f"{tensor} has letters that the model cannot spell: {text.strip()[:40]!r}") from error
        if not ids:
            raise RequestError(f"{tensor} has letters that the model cannot spell: {text.strip()[:40]!r}")
        return list(ids)

    def text(self, tokens: Sequence[int]) -> str:
        return self._decode(tuple(tokens))

    def units(self, tokens: Sequence[int]) -> list[Unit]:
        found: list[Unit] = []
        first = 0
        for last in range(1, len(tokens) + 1):
            text = self._decoded(tuple(tokens[first:last]))
            if _UNFINISHED in text and last - first < _LETTER_TOKENS and last < len(tokens):
                continue
            found.append(Unit(text.replace(_UNFINISHED, ""), first, last))
            first = last
        return found

    def _decode(self, tokens: tuple[int, ...]) -> str:
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=False))
