"""Words as a CTC head spells them: the classes of their letters, and which letters are whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .vocabulary import Vocabulary
from .words import Span


@dataclass(frozen=True)
class Letters:
    """The classes of a text in order, spaces among them, and the range of each word's own letters."""

    classes: tuple[int, ...]
    words: tuple[range, ...]


def spell(words: Sequence[Span], tokens: Sequence[int], classes: Mapping[int, int], vocabulary: Vocabulary) -> Letters:
    """A token without a class is not heard; a word of nothing else is taken to be where the letter before it is."""
    found: list[int] = []
    ranges: list[range] = []
    for word in words:
        own: list[int] = []
        for unit in vocabulary.units(tokens[word.first : word.last]):
            token = tokens[word.first + unit.first]
            if token not in classes:
                continue
            if unit.text.strip():
                own.append(len(found))
            found.append(classes[token])
        last = max(0, len(found) - 1)
        ranges.append(range(own[0], own[-1] + 1) if own else range(last, last + 1))
    return Letters(tuple(found), tuple(ranges))
