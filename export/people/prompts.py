"""What telephone exchanges say: professional speakers, most with their texts."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from export.people.fetching import unpacked
from export.people.recordings import Recording, Speaker

_SOUNDS = Path("usr/share/asterisk/sounds")
_CORE = {
    "en": ("en_US_f_Allison", "allison en"),
    "es": ("es_MX_f_Allison", "allison es"),
    "fr": ("fr_CA_f_June", "june"),
    "it": ("it_IT_m_Carlo", "carlo"),
    "ru": ("ru_RU_f_IvrvoiceRU", "ivrvoice"),
}
_LINE = re.compile(r"([^;:]+):\s*(.*)")
_ISOLATED = {"digits", "letters", "phonetic"}
_NO_SPEECH = re.compile(r"silence/|beep|confbridge-(?:join|leave)|^tt-monkeys|ha/|ascending|descending")


def recordings(cache: Path) -> Iterator[Recording]:
    for language in _CORE:
        yield from core_sounds(language, cache)
    menardi = Speaker("asterisk-prompt-it-menardi-wav", "it", "menardi")
    yield from _of(unpacked(menardi.source, cache) / _SOUNDS / "it_IT_f_Menardi", menardi, {})
    for source, language, name in (("es-co", "es", "colombian"), ("fr-armelle", "fr", "armelle")):
        speaker = Speaker(f"asterisk-prompt-{source}", language, name)
        yield from _of(unpacked(speaker.source, cache) / _SOUNDS / language, speaker, {})


def core_sounds(language: str, cache: Path) -> Iterator[Recording]:
    folder, name = _CORE[language]
    source = f"asterisk-core-sounds-{language}-wav"
    yield from _of(unpacked(source, cache) / _SOUNDS / folder, Speaker(source, language, name), _texts(language, cache))


def _texts(language: str, cache: Path) -> dict[str, str]:
    package = f"asterisk-core-sounds-{language}"
    path = unpacked(package, cache) / f"usr/share/doc/{package}/core-sounds-{language}.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        found = [_LINE.match(line.strip()) for line in lines]
    # In brackets stands what is heard but not said.
    return {match[1]: match[2] for match in found if match and not match[2].startswith(("[", "("))}


def _of(folder: Path, speaker: Speaker, texts: dict[str, str]) -> Iterator[Recording]:
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".gsm")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if not _NO_SPEECH.search(name):
            yield speaker.recording(path, texts.get(name), not _ISOLATED.isdisjoint(name.split("/")[:-1]))
