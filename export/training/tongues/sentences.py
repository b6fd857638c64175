"""Sentences to be spoken in six languages, from Debian's packages: a game's dialogues and collections of sayings."""

import gettext
import io
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from export.people.archives import members
from export.people.fetching import fetch
from export.people.packages import Package
from export.training.tongues.letters import LETTERS

_GPL = "GPL-2.0-or-later"
_CAMPAIGNS = {
    "did": "774619f5aaeb7eb4c848e1cc1758795a8c58e96bd270cceecc9d847dbcc769b3",
    "dm": "1997ad4d91e8de36415db2a3445904288f588a76d75111222d2aace409ace5c6",
    "dw": "47982e08b2a5d5fd79f400a5453f32c6d7dd56f2ccc10412a9e47dec8a9b3ca4",
    "ei": "687abe111ee662b7324336ddadc209758f68d2eeb1ccbf630238f27a0e3c6404",
    "httt": "05b16a3f8f8204278794aae14d8e6a7c95d2b2faef7337c4997c827a146d1bbd",
    "l": "5383c79046df6121929bc36a8ec3f970ab4cf9c1239ed9b31868201c27f4266d",
    "low": "2f304551b97b7fb76a2adb5ad8ffcac3e78476bc8ade17532c90714065c9bf9f",
    "nr": "13edcf1bdd23708f531ba81c67100c5800363a119f10155c7f9e146fe7dced34",
    "sota": "fa44304ff53d259f3c5fe13c03cb8166e55e9c307807d1a5663048c396645ba6",
    "sotbe": "877a2f4a7fd8df54fd3b4561ffbd5fa95d0390d7c7372f3cb66367c8007918cb",
    "thot": "79d9ec6e43300ea9f41295ccf3fb451e8eeaefc17007123f65d77eb05cb88695",
    "tsg": "38b5f564253b8e0d9c093b2b7c58aabfef24f688968d9cbaf42abfc1e76d8288",
    "ttb": "d0d45693665305191488553ade8dc1d0aa26ab17d4bffae3bf6969db4a766329",
}
_SAYINGS = (
    Package("fortunes-bg", "1.4", "654be0aacc5d932b12a17cbd895e66813e3097f81e761d991c6958591e69825c", _GPL),
    Package("fortunes-de", "0.35-1", "03fe7a7912935bd3d4e02e38d79ef32a289097f8718d4488c409595abce067a0", _GPL),
    Package("fortunes-es", "1.36", "54636edc1a4384093b68d1666c7e702ce42d1fcc8b5ab402d9646c328dcca899", "public domain"),
    Package(
        "fortunes-it", "1.99-4.1", "675df6ecb00c3b67d06b39ab223ff17f1ef1d0ec82a7e40f989356a2eb61a97e", "public domain"
    ),
    Package("fortunes-ru", "1.52-3.1", "2dc76af9c0e02e2926d36f88dcb685bb171fab8677e553a6def41efe8a551cc6", "GPL-2.0"),
)
PACKAGES = (
    *(Package(f"wesnoth-1.16-{name}", "1:1.16.9-1", digest, _GPL) for name, digest in _CAMPAIGNS.items()),
    *_SAYINGS,
)
_TRANSLATION = re.compile(r"/locale/(es|fr|it|ru|bg|de)/LC_MESSAGES/wesnoth[\w-]*\.mo$")
_SAYING = re.compile(r"games/fortunes/(?!.*/off/).+\.u8$")
_MARKUP = re.compile(r"<[^>]*>|\^.*$|\\n")
_END = re.compile(r"(?<=[.!?…])\s+|\n\s*\n|\n\s*(?:--|—).*")
_PLAIN = re.compile(rf"[{re.escape(LETTERS)}ёëѝÿæ’,.;:!?¡¿«»„“”\"()\-–—…]+", re.IGNORECASE)
_SHORTEST, _LONGEST = 8, 110


def gathered(folder: Path) -> dict[str, list[str]]:
    """Each once, in an order that is always the same."""
    found: dict[str, dict[str, None]] = {}
    for package in PACKAGES:
        for language, text in _texts(package, folder):
            for sentence in sentences(text):
                found.setdefault(language, {})[sentence] = None
    return {language: list(each) for language, each in sorted(found.items())}


def sentences(text: str) -> Iterator[str]:
    """Those that can be read aloud: words alone, no figures, no abbreviations in capitals."""
    for part in _END.split(_MARKUP.sub(" ", text)):
        sentence = " ".join(part.split()).strip('-–—*" ')
        words = sentence.split()
        if not _SHORTEST <= len(sentence) <= _LONGEST or not _PLAIN.fullmatch(sentence):
            continue
        if len(words) > 1 and not any(len(word) > 1 and word.isupper() for word in words):
            yield sentence


def _texts(package: Package, folder: Path) -> Iterator[tuple[str, str]]:
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as scratch:
        archive = fetch(package, Path(scratch))
        for name, content in members(archive):
            if translated := _TRANSLATION.search(name):
                catalogue = gettext.GNUTranslations(io.BytesIO(content))
                yield from ((translated[1], said) for said in _said(catalogue))
            elif _SAYING.search(name):
                yield from ((package.name[-2:], said) for said in re.split(r"^%", content.decode(), flags=re.MULTILINE))


def _said(catalogue: gettext.GNUTranslations) -> Iterator[str]:
    every = vars(catalogue)["_catalog"]
    yield from (said for asked, said in sorted(every.items(), key=str) if asked and isinstance(said, str))
