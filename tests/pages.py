"""The pages that people read: README, `docs/` and what lies beside them, as tests look at them."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.triton_server import ROOT

# What these fences hold is run, or read by the program that it is for; what `console` holds is only shown.
RUN = ("python", "javascript", "sh")
READ = ("json", "yaml")
SHOWN = ("console", "text")


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


def documentation() -> str:
    """All pages as one text."""
    return "\n".join(page.read_text() for page in pages())


def blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page, each with its language."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def block(name: str, language: str, place: int = 0) -> str:
    """The page's block in this language at this place among them."""
    return [content for kind, content in blocks(ROOT / name) if kind == language][place]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Where the page's links and pictures lead inside the repository: a path, and a heading there or nothing."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"\w+:", target):
            path, _, heading = target.partition("#")
            yield str((page.parent / path).resolve().relative_to(ROOT)) if path else name_of(page), heading


def headings(name: str) -> set[str]:
    """The names under which a page's headings are linked to."""
    titles = re.findall(r"^#{1,6} (.+)$", prose(ROOT / name), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
