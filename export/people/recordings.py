"""A recording of a person, and all that the packages hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from export.people.packages import PACKAGES

# Heard by no model of ours while it was trained or calibrated: whole packages and speakers, one at least a language.
# German is in no package with a speaker to spare, so all of its few recordings are kept for the test.
TEST_SPEAKERS = frozenset(
    {
        "austen", "carnegie", "moonshine two_cities", "moonshine beckett", "moonshine endgame", "uh en", "tux en",
        "hedge British", "hedge Surfer", "hedge HillBilly",
        "ktub de", "klet de", "uh de",
        "colombian", "hedge es",
        "armelle", "uh fr", "ktub fr",
        "menardi", "klet it",
        "hedge ru", "tux ru",
        "fillets cs", "hedge pl", "ktub sv", "ktub ca", "tux ro", "ktub uk",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Recording:
    path: Path
    language: str
    speaker: str
    text: str | None  # what is said, where the package knows it
    source: str  # the package
    split: str  # train or test
    isolated: bool = False  # letters, numbers, syllables: they hardly show a language
    several: bool = False  # the speaker is a cast: the package does not say who of it speaks

    @property
    def licence(self) -> str:
        return PACKAGES[self.source].licence


@dataclass(frozen=True)
class Speaker:
    """Who speaks in a part of a package."""

    source: str
    language: str
    name: str
    several: bool = False

    def recording(self, path: Path, text: str | None = None, isolated: bool = False) -> Recording:
        split = "test" if self.name in TEST_SPEAKERS else "train"
        said = " ".join(text.split()) if text else None
        return Recording(path, self.language, self.name, said, self.source, split, isolated, self.several)

    def all(self, paths: Iterable[Path], isolated: bool = False) -> Iterator[Recording]:
        """Recordings without texts."""
        for path in sorted(paths):
            yield self.recording(path, None, isolated)
