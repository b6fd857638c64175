"""What pyproject.toml asks for is pinned, with hashes, in the file of each environment that needs it."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.triton_server import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# A file of pinned packages, and the extras of pyproject.toml that it holds.
PINNED = {
    "frontend/requirements.txt": (),
    "docker/requirements.txt": ("local",),
    "tests/requirements.txt": ("local", "test"),
}
ENTRY = re.compile(r"^([\w.-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def plain(name: str) -> str:
    """As packages are named where they are pinned."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name)[0]).lower()


def pins(file: str) -> dict[str, tuple[str, str]]:
    """Version and hashes of each package."""
    return {name: (version, hashes) for name, version, hashes in ENTRY.findall((ROOT / file).read_text())}


@pytest.mark.parametrize("file", PINNED)
def test_every_dependency_is_pinned(file: str) -> None:
    wanted = [*PROJECT["dependencies"]]
    for extra in PINNED[file]:
        wanted += PROJECT["optional-dependencies"][extra]
    missing = {plain(name) for name in wanted} - pins(file).keys()
    assert not missing, f"{file} lacks {missing}: run make lock"


@pytest.mark.parametrize("file", PINNED)
def test_every_line_is_part_of_a_pin_with_hashes(file: str) -> None:
    assert ENTRY.sub("", Path(ROOT / file).read_text()) == ""


@pytest.mark.parametrize("file", PINNED)
def test_all_environments_have_the_same_versions(file: str) -> None:
    assert pins(file).items() <= pins("tests/requirements.txt").items()


def test_no_extra_is_forgotten() -> None:
    assert set(PROJECT["optional-dependencies"]) == {extra for extras in PINNED.values() for extra in extras}
