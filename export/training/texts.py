"""The grammar: everyday sentences that say the same thing in six languages, so that each has a true translation.

A template's slots are filled with concepts (numbers, dates, words), and the split is by the English sentence: no
rendering of a held-out sentence, in any language, is ever trained.
"""

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from export.training.alphabet import LANGUAGES, normalise
from export.training.numerals import cardinal, year
from export.training.phrases import CONCEPTS, Concept, at_time, on_date

GRAMMAR = Path(__file__).parent / "grammar"
HELD_OUT_SHARE = 0.1
LONGEST_CHARACTERS = 76
SLOT = re.compile(r"\{(\w+)(?::(\w))?\}")

Filling = Callable[[str, str], str]  # (language, gender) -> words
Drawing = Callable[[random.Random], "Sentence"]


@dataclass(frozen=True)
class Template:
    weight: int
    forms: Concept

    @property
    def whole(self) -> bool:
        """A fixed phrase and nothing else: always trained, and never counted as unseen."""
        return self.forms["en"] in ("{small_talk}", "{fixed}", "{greeting}")


@dataclass(frozen=True)
class Sentence:
    """One sentence in all six languages."""

    renderings: Concept
    whole: bool

    @property
    def held_out(self) -> bool:
        digest = hashlib.sha256(self.renderings["en"].encode()).digest()
        return not self.whole and digest[0] < 256 * HELD_OUT_SHARE


def _lines(name: str) -> list[str]:
    lines = (GRAMMAR / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _concept(cells: list[str]) -> Concept:
    return dict(zip(LANGUAGES, cells, strict=True))


@cache
def words() -> dict[str, list[Concept]]:
    """The word lists by name."""
    lists: dict[str, list[Concept]] = {}
    for line in _lines("words.txt"):
        if line.startswith("["):
            current = lists.setdefault(line.strip("[]"), [])
        else:
            current.append(_concept(line.split(" | ")))
    return lists


@cache
def templates() -> list[Template]:
    cells = [line.split(" | ") for line in _lines("templates.txt")]
    return [Template(int(weight), _concept(forms)) for weight, *forms in cells]


def _number(low: int, high: int, rng: random.Random) -> Filling:
    number = rng.randint(low, high)
    return lambda language, gender: cardinal(number, language, gender)


def fill(slot: str, rng: random.Random) -> Filling:
    if slot in words():
        concept = rng.choice(words()[slot])
        return lambda language, gender: concept[language]
    if slot in CONCEPTS:
        source, phrase = CONCEPTS[slot]
        concept = rng.choice(words()[source])
        return lambda language, gender: phrase(concept, language)
    return _NUMERIC[slot](rng)


def _digits(rng: random.Random) -> Filling:
    digits = [rng.randint(0, 9) for _ in range(rng.randint(3, 6))]
    return lambda language, gender: " ".join(cardinal(digit, language) for digit in digits)


def _year(rng: random.Random) -> Filling:
    number = rng.choice([rng.randint(1950, 1999), rng.randint(2001, 2026)])
    return lambda language, gender: year(number, language)


def _at_time(rng: random.Random) -> Filling:
    hour, quarters = rng.randint(2, 12), rng.choice([0, 0, 1, 2])
    return lambda language, gender: at_time(hour, quarters, language)


def _on_date(rng: random.Random) -> Filling:
    day, month = rng.randint(1, 30), rng.choice(words()["month"])
    return lambda language, gender: on_date(day, month, language)


_NUMERIC: dict[str, Callable[[random.Random], Filling]] = {
    "small": lambda rng: _number(2, 60, rng),
    "large": lambda rng: _number(*rng.choice([(2, 99), (100, 999), (1000, 9999)]), rng),
    "digits": _digits,
    "year": _year,
    "at_time": _at_time,
    "on_date": _on_date,
}


def _sum(rng: random.Random) -> dict[str, Filling]:
    """The slots of a calculation: a plus b is c."""
    a, b = rng.randint(1, 12), rng.randint(1, 12)
    return {name: _number(value, value, rng) for name, value in (("a", a), ("b", b), ("c", a + b))}


def draw(rng: random.Random) -> Sentence:
    """A random sentence of the grammar."""
    template = rng.choices(templates(), [template.weight for template in templates()])[0]
    slots = dict.fromkeys(name for name, _ in SLOT.findall(template.forms["en"]))
    fillings = _sum(rng) if "c" in slots else {slot: fill(slot, rng) for slot in slots}
    renderings = {
        language: normalise(SLOT.sub(lambda found: _say(fillings, found, language), template.forms[language]))  # noqa: B023
        for language in LANGUAGES
    }
    return Sentence(renderings, template.whole)


def jumble(rng: random.Random) -> Sentence:
    """A few of the grammar's words in no order, where only listening tells which comes next."""
    fillings = [fill(slot, rng) for slot in rng.choices([*words(), *CONCEPTS, *_NUMERIC], k=rng.randint(1, 4))]
    renderings = {
        language: normalise(" ".join(filling(language, "") for filling in fillings)) for language in LANGUAGES
    }
    return Sentence(renderings, whole=False)


def _say(fillings: dict[str, Filling], found: re.Match[str], language: str) -> str:
    return fillings[found[1]](language, found[2] or "")


def sample(rng: random.Random, held_out: bool, language: str, drawn: Drawing) -> Sentence:
    """What is drawn, on the wanted side of the split, and short enough in this language and in English."""
    while True:
        sentence = drawn(rng)
        longest = max(len(sentence.renderings[language]), len(sentence.renderings["en"]))
        if sentence.held_out == held_out and longest <= LONGEST_CHARACTERS:
            return sentence
