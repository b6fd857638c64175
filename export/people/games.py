"""What actors and volunteers say in games; the packages have no texts that could be told to belong to a recording."""

import re
from collections.abc import Iterator
from pathlib import Path

from export.people.fetching import unpacked
from export.people.recordings import Recording, Speaker

_SOUNDS = Path("usr/share/games/hedgewars/Data/Sounds/voices")
_HEDGEHOGS = {
    "British": "en", "Classic": "en", "Default": "en", "HillBilly": "en", "Mobster": "en", "Surfer": "en",
    "Default_es": "es", "Default_pl": "pl", "Default_ru": "ru", "Default_uk": "uk", "Russian_pl": "pl",
}  # fmt: skip
_CRIES = re.compile(r"(ooff|ow|ouch|no+|jump|laugh|kamikaze|hmm|uh-oh|poison\w*|firepunch)\d*\.ogg", re.IGNORECASE)


def recordings(cache: Path) -> Iterator[Recording]:
    voices = unpacked("hedgewars-data", cache) / _SOUNDS
    for name, language in _HEDGEHOGS.items():
        speaker = Speaker("hedgewars-data", language, f"hedge {name.removeprefix('Default_')}")
        yield from speaker.all(path for path in (voices / name).glob("*.ogg") if not _CRIES.fullmatch(path.name))
    islands = unpacked("unknown-horizons", cache) / "usr/share/unknown-horizons/content/audio/voice"
    for folder in sorted(islands.iterdir()):
        speaker = Speaker("unknown-horizons", folder.name, f"uh {folder.name}")
        yield from speaker.all((folder / "0/new_world").glob("*.ogg"))
    for language in ("cs", "nl"):
        speaker = Speaker(f"fillets-ng-data-{language}", language, f"fillets {language}", several=True)
        yield from speaker.all((unpacked(speaker.source, cache) / "usr/share/games/fillets-ng/sound").rglob("*.ogg"))
    yield from _vampires(cache)


def _vampires(cache: Path) -> Iterator[Recording]:
    """English and Spanish casts; what both packages hold alike is Spanish."""
    folders = {
        language: unpacked(source, cache) / f"usr/share/scummvm/drascula/{language}"
        for language, source in (("en", "drascula"), ("es", "drascula-spanish"))
    }
    spanish = {path.read_bytes() for path in folders["es"].glob("*.ALS")}
    english = [path for path in folders["en"].glob("*.ALS") if path.read_bytes() not in spanish]
    yield from Speaker("drascula", "en", "drascula en", several=True).all(english)
    yield from Speaker("drascula-spanish", "es", "drascula es", several=True).all(folders["es"].glob("*.ALS"))
