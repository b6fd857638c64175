"""Words out of a vocabulary's units: where one begins, what belongs to it, and which words form a segment."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .vocabulary import Unit

# Written without spaces between words: there each unit stands for itself.
_UNSPACED = frozenset(("zh", "cmn", "yue", "ja", "jpn", "th", "tha", "lo", "lao", "my", "mya", "km", "khm"))
_SENTENCE_ENDS = frozenset(".!?…。！？")
_CLOSING = frozenset("\"'”’)]}»」』）")
PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Span:
    """A word's text, with its leading space where its language has spaces, and its tokens first to last - 1."""

    text: str
    first: int
    last: int


def spans(units: Iterable[Unit], language: str, forced: int = 0) -> list[Span]:
    """The words. The first `forced` tokens are words that the client gave: the letters that follow cannot extend them.

    A model may go on with letters where a given word ended ("hell" + "o", "can" + "'t"); those are left out, up to the
    next word, because the result must begin with the words as given. Punctuation may follow.
    """
    spaced = has_spaces(language)
    found: list[Span] = []
    joining = dropping = False
    for unit in units:
        begins = _begins_word(found[-1].text if found else "", unit.text, spaced)
        joining = spaced and not begins and (joining or unit.first == forced > 0)
        dropping = joining and (dropping or any(map(_spells, unit.text)))
        if dropping:
            continue
        if begins or not found:
            found.append(Span(unit.text, unit.first, unit.last))
        else:
            found[-1] = Span(found[-1].text + unit.text, found[-1].first, unit.last)
    return _leading_spaces(_without_lone_marks(found), spaced)


def segments(words: Sequence[Span], starts: Sequence[float], ends: Sequence[float]) -> list[int]:
    """A new segment after the punctuation that ends a sentence, and after a pause."""
    numbers: list[int] = []
    for place, _word in enumerate(words):
        if not place:
            numbers.append(0)
            continue
        paused = starts[place] - ends[place - 1] >= PAUSE_SECONDS
        numbers.append(numbers[-1] + int(paused or _ends_sentence(words[place - 1].text)))
    return numbers


def spoken_language(language: str, task: str) -> str:
    """The language of the words: translations are English."""
    return "en" if task == "translate" else language


def has_spaces(language: str) -> bool:
    """Whether it is written with spaces between words; MMS names languages like cmn-script_simplified."""
    return language.partition("-")[0] not in _UNSPACED


def with_space(word: str, language: str) -> str:
    """A client's word as it stands within a text."""
    if word[0].isspace() or not has_spaces(language) or unicodedata.east_asian_width(word[0]) in "WF":
        return word
    return f" {word}"


def _spells(letter: str) -> bool:
    """Letters, and the vowel signs that many scripts set beside them."""
    return letter.isalnum() or unicodedata.category(letter)[0] == "M"


def _begins_word(before: str, text: str, spaced: bool) -> bool:
    if spaced or text[:1].isspace():
        return text[:1].isspace()
    if not before or unicodedata.category(before[-1]) in ("Ps", "Pi"):
        return False  # an opening bracket waits for what it opens
    foreign = before[-1].isascii() and before[-1].isalnum() and text[:1].isascii()
    return not foreign and bool(text.strip()) and not _is_mark(text)


def _is_mark(text: str) -> bool:
    return all(unicodedata.category(letter)[0] in "PSZ" for letter in text) and not any(
        unicodedata.category(letter) in ("Ps", "Pi") for letter in text
    )


def _without_lone_marks(words: Iterable[Span]) -> list[Span]:
    """Punctuation between spaces belongs to the word before; spaces alone are no word."""
    kept: list[Span] = []
    for word in words:
        if not word.text.strip():
            continue
        if kept and _is_mark(word.text):
            kept[-1] = Span(kept[-1].text + word.text, kept[-1].first, word.last)
        else:
            kept.append(word)
    return kept


def _leading_spaces(words: Iterable[Span], spaced: bool) -> list[Span]:
    if not spaced:
        return list(words)
    return [Span(f" {word.text.strip()}", word.first, word.last) for word in words]


def _ends_sentence(text: str) -> bool:
    letters = text.rstrip()
    while letters and letters[-1] in _CLOSING:
        letters = letters[:-1]
    return letters[-1:] in _SENTENCE_ENDS
