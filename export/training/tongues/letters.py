"""What can be written: the languages, their letters, and the classes of the network."""

import re

from export.training.numerals import cardinal

LANGUAGES = ("es", "fr", "it", "ru", "bg", "de")
UNTOLD = len(LANGUAGES)  # the place of a language that is not told
LETTERS = " 'abcdefghijklmnopqrstuvwxyzßàáâäçèéêëìíîïñòóôöùúûüœабвгдежзийклмнопрстуфхцчшщъыьэюя"
BLANK = 0  # class n + 1 is letter n
CLASSES = len(LETTERS) + 1
SPACE = 1
_CLASS = {letter: number for number, letter in enumerate(LETTERS, 1)}
_SAME = str.maketrans({"’": "'", "ё": "е", "ѝ": "и", "æ": "a", "ÿ": "y"})
_NUMBER = re.compile(r"\d+")
_COUNTED = frozenset({"de", "es", "fr", "it", "bg"})
_HIGHEST = 9999


def normalise(text: str) -> str:
    """Lower case, letters, apostrophes and single spaces: what is written and scored."""
    plain = text.lower().translate(_SAME)
    return " ".join("".join(letter if letter in LETTERS else " " for letter in plain).split())


def worded(text: str, language: str) -> str | None:
    """Numbers as words; None where this cannot say them."""
    numbers = _NUMBER.findall(text)
    if numbers and (language not in _COUNTED or max(map(int, numbers)) > _HIGHEST or re.search(r"\d[.,:]\d", text)):
        return None
    return _NUMBER.sub(lambda found: f" {cardinal(int(found[0]), language)} ", text)


def spell(text: str) -> list[int]:
    return [_CLASS[letter] for letter in text]


def read(classes: list[int]) -> str:
    """Of the likeliest class of each frame: repetitions are one letter, blanks none."""
    kept = [now for before, now in zip([BLANK, *classes], classes, strict=False) if now not in (BLANK, before)]
    return " ".join("".join(LETTERS[number - 1] for number in kept).split())
