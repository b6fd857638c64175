"""Sounds in which nobody speaks: effects, instruments, music, animals, crowds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from export.people.fetching import CACHE, unpacked

_TRAIN, _FIT, _TEST = "train", "fit", "test"
_FOLDERS = (
    ("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps", _TRAIN),
    ("asterisk-moh-opsound-wav", "usr/share/asterisk/moh", _TRAIN),
    ("colobot-common-sounds", "usr/share/games/colobot", _TRAIN),
    ("supertux-data", "usr/share/games/supertux2/sounds", _TRAIN),
    ("supertux-data", "usr/share/games/supertux2/music", _TRAIN),
    ("sonic-pi-samples", "usr/share/sonic-pi/samples", _TRAIN),
    ("frozen-bubble-data", "usr/share/games/frozen-bubble/snd", _FIT),
    ("extremetuxracer-data", "usr/share/games/etr", _FIT),
    ("chromium-bsu-data", "usr/share/games/chromium-bsu/wav", _FIT),
    ("lomiri-sounds", "usr/share/sounds", _TEST),
    ("oxygen-sounds", "usr/share/sounds", _TEST),
    ("alienblaster-data", "usr/share/games/alienblaster/sound", _TEST),
    ("etw-data", "usr/share/games/etw", _TEST),
)
_SOUNDS = (".wav", ".ogg", ".flac")
_SPOKEN = (
    *("_desc", "/math/", "/alphabets/", "/roadsigns/", "/people/", "vocal", "voice", "speech", "dreydl", "roll-call"),
    *("hallelujah", "letsgo", "ouch", "/pass.", "/replay.", "/hurry.", "/noh."),
)


@dataclass(frozen=True)
class Sound:
    path: Path
    source: str  # the package
    split: str  # what trains the heads, what fits their limits, what judges both: train, fit or test


def sounds(cache: Path = CACHE) -> list[Sound]:
    return [each for source, folder, split in _FOLDERS for each in _of(unpacked(source, cache) / folder, source, split)]


def _of(folder: Path, source: str, split: str) -> Iterator[Sound]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in _SOUNDS and not any(part in f"/{name}" for part in _SPOKEN):
            yield Sound(path, source, split)
