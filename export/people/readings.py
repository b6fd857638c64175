"""Sentences that people read, with their texts, and the recordings of the recogniser that makes English text."""

import re
from collections.abc import Iterator
from pathlib import Path

from export.people.fetching import unpacked
from export.people.recordings import Recording, Speaker

_RUSSIAN = Path("usr/share/festival/voices/russian/msu_ru_nsh_clunits")
_SPHINX = Path("usr/share/pocketsphinx/test/data")
_PROMPT = re.compile(r'\( *(\S+) +"(.*)" *\)')
_TRANSCRIPT = re.compile(r"<s>(.*)</s> *\((.+)\)")
_COMMANDS = {"goforward": "go forward ten meters", "something": None, "numbers": None}
_MOONSHINE = {"two_cities": False, "beckett": False, "endgame_nagg_nell": True}  # whether several speak


def recordings(cache: Path) -> Iterator[Recording]:
    yield from _russian(unpacked("festvox-ru", cache) / _RUSSIAN)
    yield from _sphinx(unpacked("pocketsphinx-testdata", cache) / _SPHINX)
    assets = unpacked("moonshine-voice", cache) / "moonshine_voice/assets"
    for name, several in _MOONSHINE.items():
        speaker = Speaker("moonshine-voice", "en", f"moonshine {name.partition('_nagg')[0]}", several)
        yield speaker.recording(assets / f"{name}.wav")


def _russian(folder: Path) -> Iterator[Recording]:
    speaker = Speaker("festvox-ru", "ru", "festvox ru")
    lines = (folder / "etc/txt.done.data").read_text(encoding="utf-8").splitlines()
    for match in filter(None, map(_PROMPT.match, lines)):
        path = folder / f"wav/{match[1]}.wav"
        if path.exists():
            yield speaker.recording(path, match[2].replace("+", ""))  # marks of stress


def _sphinx(folder: Path) -> Iterator[Recording]:
    readings = (("austen", "librivox/transcription"), ("carnegie", "cards/cards.transcription"))
    for name, transcription in readings:
        speaker = Speaker("pocketsphinx-testdata", "en", name)
        path = folder / transcription
        for match in filter(None, map(_TRANSCRIPT.match, path.read_text(encoding="utf-8").splitlines())):
            yield speaker.recording(path.with_name(f"{match[2]}.wav"), match[1])
    speaker = Speaker("pocketsphinx-testdata", "en", "carnegie")
    for name, text in _COMMANDS.items():
        yield speaker.recording(folder / f"{name}.raw", text)
