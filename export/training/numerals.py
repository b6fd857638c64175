"""Numbers from 0 to 9999, years and ordinals as they are spoken in the six languages."""

import re

_UNITS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
    "diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis "
    "veintisiete veintiocho veintinueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
    "dix-huit dix-neuf",
    "it": "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove",
    "bg": "нула един два три четири пет шест седем осем девет десет единадесет дванадесет тринадесет четиринадесет "
    "петнадесет шестнадесет седемнадесет осемнадесет деветнадесет",
}
_TENS = {  # from twenty on
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "fr": "vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt",
    "it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "bg": "двадесет тридесет четиридесет петдесет шестдесет седемдесет осемдесет деветдесет",
}
_HUNDREDS = {  # where they are not a unit before a hundred
    "es": "cien doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos",
    "bg": "сто двеста триста четиристотин петстотин шестстотин седемстотин осемстотин деветстотин",
}
_ORDINALS = {
    "en": "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
    "de": "erste zweite dritte vierte fünfte sechste siebte achte",
    "bg": "първи втори трети четвърти пети шести седми осми девети десети единадесети дванадесети тринадесети "
    "четиринадесети петнадесети шестнадесети седемнадесети осемнадесети деветнадесети",
}
_BULGARIAN_GENDER = {"f": {1: "една", 2: "две"}, "n": {1: "едно", 2: "две"}}


def _unit(number: int, language: str) -> str:
    return _UNITS[language].split()[number]


def _ten(number: int, language: str) -> str:
    return _TENS[language].split()[number // 10 - 2]


def _english(number: int) -> str:
    if number < 20:
        return _unit(number, "en")
    if number < 100:
        return _ten(number, "en") + (f" {_unit(number % 10, 'en')}" if number % 10 else "")
    if number < 1000:
        return f"{_unit(number // 100, 'en')} hundred" + (f" and {_english(number % 100)}" if number % 100 else "")
    rest = number % 1000
    joint = " and " if rest < 100 else " "
    return f"{_unit(number // 1000, 'en')} thousand" + (joint + _english(rest) if rest else "")


def _german(number: int) -> str:
    if number < 20:
        return _unit(number, "de")
    if number < 100:
        unit = "" if not number % 10 else _german(number % 10).removesuffix("s" if number % 10 == 1 else "-") + "und"
        return unit + _ten(number, "de")
    power, word = (1000, "tausend") if number >= 1000 else (100, "hundert")
    rest = _german(number % power) if number % power else ""
    return _german(number // power).removesuffix("s" if number // power == 1 else "-") + word + rest


def _spanish(number: int) -> str:
    if number < 30:
        return _unit(number, "es")
    if number < 100:
        return _ten(number, "es") + (f" y {_unit(number % 10, 'es')}" if number % 10 else "")
    if number < 1000:
        hundred = "ciento" if 100 < number < 200 else _HUNDREDS["es"].split()[number // 100 - 1]
        return hundred + (f" {_spanish(number % 100)}" if number % 100 else "")
    thousand = "mil" if number < 2000 else f"{_spanish(number // 1000)} mil"
    return thousand + (f" {_spanish(number % 1000)}" if number % 1000 else "")


def _french(number: int) -> str:
    if number < 20:
        return _unit(number, "fr")
    if number < 100:
        base = number // 20 * 20 if number >= 60 else number // 10 * 10  # scores from sixty on
        rest = number - base
        if not rest:
            return "quatre-vingts" if number == 80 else _ten(number, "fr")
        joint = " et " if rest in (1, 11) and base != 80 else "-"
        return _ten(number, "fr") + joint + _french(rest)
    power, word = (1000, "mille") if number >= 1000 else (100, "cent")
    count, rest = divmod(number, power)
    plural = "s" if word == "cent" and count > 1 and not rest else ""
    head = word if count == 1 else f"{_french(count)} {word}{plural}"
    return head + (f" {_french(rest)}" if rest else "")


def _italian(number: int) -> str:
    """A final three is stressed in every compound; a hundred loses its last letter before eight and eighty."""
    if number < 20:
        return _unit(number, "it")
    if number < 100:
        ten, unit = _ten(number, "it"), number % 10
        return (ten[:-1] if unit in (1, 8) else ten) + _italian_tail(unit)
    power, single, several = (1000, "mille", "mila") if number >= 1000 else (100, "cento", "cento")
    count, rest = divmod(number, power)
    head = single if count == 1 else _unit(count, "it") + several
    elided = power == 100 and (rest == 8 or 80 <= rest < 90)
    return (head[:-1] if elided else head) + _italian_tail(rest)


def _italian_tail(number: int) -> str:
    if number == 3:
        return "tré"
    return _italian(number) if number else ""


def _bulgarian_parts(number: int, gender: str) -> list[str]:
    parts = []
    if number >= 100:
        parts.append(_HUNDREDS["bg"].split()[number // 100 - 1])
        number %= 100
    if number >= 20:
        parts.append(_ten(number, "bg"))
        number %= 10
    if number:
        parts.append(_BULGARIAN_GENDER.get(gender, {}).get(number, _unit(number, "bg")))
    return parts


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else " ".join(parts[:-1]) + " и " + parts[-1]


def _bulgarian(number: int, gender: str = "m") -> str:
    if number == 0:
        return _unit(0, "bg")
    thousands, rest = divmod(number, 1000)
    spoken = []
    if thousands:
        spoken.append("хиляда" if thousands == 1 else _joined(_bulgarian_parts(thousands, "f")) + " хиляди")
    if rest:
        parts = _bulgarian_parts(rest, gender)
        spoken.append(("и " if thousands and len(parts) == 1 else "") + _joined(parts))
    return " ".join(spoken)


_CARDINALS = {"en": _english, "de": _german, "es": _spanish, "fr": _french, "it": _italian, "bg": _bulgarian}


def cardinal(number: int, language: str, gender: str = "") -> str:
    """A number from 0 to 9999; the gender (m, f, n) only where a counted noun follows."""
    if language == "bg":
        return _bulgarian(number, gender or "m")
    spoken = _CARDINALS[language](number)
    if gender and language == "es" and spoken.endswith("uno"):
        masculine = spoken[:-3] + ("ún" if spoken.endswith("veintiuno") else "un")
        return spoken[:-1] + "a" if gender == "f" else masculine
    if gender == "f" and language == "fr":
        return re.sub(r"\bun$", "une", spoken)
    return spoken


def bulgarian_ordinal(number: int, feminine: bool = False) -> str:
    """1 to 99, masculine in dates, feminine in years."""
    head, word = "", ""
    if number < 20:
        word = _ORDINALS["bg"].split()[number - 1]
    elif number % 10 == 0:
        word = _ten(number, "bg") + "и"
    else:
        head, word = _ten(number, "bg") + " и ", _ORDINALS["bg"].split()[number % 10 - 1]
    if feminine:
        word = "трета" if word == "трети" else word[:-1] + "а"
    return head + word


def english_ordinal(number: int) -> str:
    if number <= 12:
        return _ORDINALS["en"].split()[number - 1]
    if number < 20:
        return _unit(number, "en") + "th"
    if number % 10 == 0:
        return _ten(number, "en")[:-1] + "ieth"
    return f"{_ten(number, 'en')} {_ORDINALS['en'].split()[number % 10 - 1]}"


def german_ordinal(number: int) -> str:
    if number <= 8:
        return _ORDINALS["de"].split()[number - 1]
    return _german(number) + ("te" if number < 20 else "ste")


def year(number: int, language: str) -> str:
    """1950 to 2026, as a date says it."""
    century, rest = divmod(number, 100)
    if language == "en" and not 2000 <= number < 2010:
        return f"{_english(century)} {_english(rest) if rest > 9 else 'oh ' + _english(rest)}"
    if language == "de" and number < 2000:
        return f"{_german(century)}hundert{_german(rest)}"
    if language == "bg":
        head = "хиляда деветстотин" if number < 2000 else "две хиляди"
        joint = " " if rest > 20 and rest % 10 else " и "
        return f"{head}{joint}{bulgarian_ordinal(rest, feminine=True)} година"
    return cardinal(number, language)
