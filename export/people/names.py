"""What children's programs say: volunteers who name a picture in their language, and letters and numbers."""

import re
from collections.abc import Iterator
from pathlib import Path

from export.people.fetching import unpacked
from export.people.recordings import Recording, Speaker

_STAMPS, _TUBERS, _LETTERS = (Path("usr/share") / name for name in ("tuxpaint/stamps", "ktuberling/sounds", "klettres"))
_STAMP = re.compile(r"(.+)_desc(?:_(\w+))?\.(?:ogg|wav)")
_SYMBOL = re.compile(
    r"\w+?(?:_filled|_outline)?_(be|bg|ca|de|el|en_GB|es|fr|it|ja|ko|lt|nb|nl|nn|pt|ro|ru|sl|sv|zh_tw)\.ogg"
)
_PLAIN = {"pt_BR": "pt", "en_GB": "en", "zh_tw": "zh", "nn": "nb"}


def recordings(cache: Path) -> Iterator[Recording]:
    yield from _stamps(unpacked("tuxpaint-stamps-default", cache) / _STAMPS)
    for folder in sorted((unpacked("ktuberling-data", cache) / _TUBERS).iterdir()):
        language = folder.name.partition("@")[0]
        speaker = Speaker("ktuberling-data", _PLAIN.get(language, language), f"ktub {language}")
        yield from speaker.all(path for path in folder.rglob("*") if path.suffix in (".ogg", ".wav"))
    for folder in sorted((unpacked("klettres-data", cache) / _LETTERS).iterdir()):
        speaker = Speaker("klettres-data", _PLAIN.get(folder.name, folder.name), f"klet {folder.name}")
        yield from speaker.all(folder.rglob("*.ogg"), isolated=True)


def _stamps(folder: Path) -> Iterator[Recording]:
    for path in sorted(folder.rglob("*")):
        stamp = _STAMP.fullmatch(path.name)
        symbol = _SYMBOL.fullmatch(path.name)
        if stamp:
            code = stamp[2] or "en"
            speaker = Speaker("tuxpaint-stamps-default", _PLAIN.get(code, code), f"tux {code}")
            yield speaker.recording(path, _said(path.with_name(f"{stamp[1]}.txt"), code))
        elif symbol:
            code = symbol[1]
            speaker = Speaker("tuxpaint-stamps-default", _PLAIN.get(code, code), f"tux symbols {code}")
            yield speaker.recording(path, None, isolated=True)


def _said(path: Path, code: str) -> str | None:
    """The picture's name: in English on the first line, in other languages each on its own."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    if code == "en":
        return lines[0] if lines else None
    begin = f"{code.lower()}.utf8="
    return next((line.removeprefix(begin) for line in lines if line.startswith(begin)), None)
