"""How the six languages put a slot's concept into a sentence: prepositions, articles, dates, times."""

import re
from collections.abc import Callable

from export.training.numerals import bulgarian_ordinal, cardinal, english_ordinal, german_ordinal

Concept = dict[str, str]  # language -> words
Phrase = Callable[[Concept, str], str]

_VOWEL = re.compile("^[aeiouhàâéèêîôù]")


def _bulgarian_in(word: str) -> str:
    return ("във " if word[0] in "вф" else "в ") + word


def in_country(country: Concept, language: str) -> str:
    word = country[language]
    if language == "bg":
        return _bulgarian_in(word)
    return f"{'en' if language in ('es', 'fr') else 'in'} {word}"


def from_country(country: Concept, language: str) -> str:
    word = country[language]
    if language == "fr":
        return ("d'" if _VOWEL.match(word) else "de ") + word
    if language == "it":
        return ("dall'" if _VOWEL.match(word) else "dalla ") + word
    return {"en": "from ", "de": "aus ", "es": "de ", "bg": "от "}[language] + word


def on_day(day: Concept, language: str) -> str:
    if language == "bg":
        return _bulgarian_in(day["bg"])
    return {"en": "on ", "de": "am ", "es": "el "}.get(language, "") + day[language]


def the_language(spoken: Concept, language: str) -> str:
    """A language as an object, with its article where one is needed."""
    word = spoken[language]
    if language not in ("fr", "it"):
        return word
    if _VOWEL.match(word):
        return "l'" + word
    if language == "fr":
        return "le " + word
    return ("lo " if re.match("s[bcdfglmnpqrtvz]", word) else "il ") + word


def in_language(spoken: Concept, language: str) -> str:
    return {"en": "in ", "de": "auf ", "es": "en ", "fr": "en ", "it": "in ", "bg": "на "}[language] + spoken[language]


CONCEPTS: dict[str, tuple[str, Phrase]] = {  # slot: its word list and the phrase made of it
    "in_country": ("country", in_country),
    "from_country": ("country", from_country),
    "on_day": ("day", on_day),
    "the_language": ("language", the_language),
    "in_language": ("language", in_language),
}


def on_date(day: int, month: Concept, language: str) -> str:
    name = month[language]
    if language == "en":
        return f"on the {english_ordinal(day)} of {name}"
    if language == "de":
        return f"am {german_ordinal(day)}n {name}"
    if language == "es":
        return f"el {'primero' if day == 1 else cardinal(day, 'es')} de {name}"
    if language == "fr":
        return f"le {'premier' if day == 1 else cardinal(day, 'fr')} {name}"
    if language == "it":
        return f"{'l' + chr(39) if day in (8, 11) else 'il '}{'primo' if day == 1 else cardinal(day, 'it')} {name}"
    return f"на {bulgarian_ordinal(day)} {name}"


def at_time(hour: int, quarters: int, language: str) -> str:
    """An hour from 2 to 12, full, a quarter past or half past."""
    spoken = cardinal(hour, language)
    if language == "en":
        return "at " + (f"{spoken} o'clock", f"quarter past {spoken}", f"half past {spoken}")[quarters]
    if language == "de":
        return "um " + (f"{spoken} uhr", f"viertel nach {spoken}", f"halb {cardinal(hour % 12 + 1, 'de')}")[quarters]
    before, after = {
        "es": ("a las ", ("", " y cuarto", " y media")),
        "fr": ("à ", (" heures", " heures et quart", " heures et demie")),
        "it": ("alle ", ("", " e un quarto", " e mezza")),
        "bg": ("в ", (" часа", " и четвърт", " и половина")),
    }[language]
    return before + spoken + after[quarters]
