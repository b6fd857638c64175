"""Whatever is redistributed or fetched stands in THIRD_PARTY.md, under the licence that its package states."""

import importlib.metadata
import json
import re

import pytest

from export.publishing.recipes import RECIPES, Recipe
from tests.bench import peer
from tests.pages import text_of
from tests.triton_server import ROOT

PAGE = text_of("THIRD_PARTY.md")
PINNED = (
    *("frontend/requirements.txt", "docker/requirements.txt", "docker/triton/requirements.txt", "docker/wheels.txt"),
    *("tests/requirements.txt", "tests/bench/requirements.txt", "tests/gpu/requirements.txt"),
    *("export/requirements.txt", "export/originals.txt"),
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(text: str) -> set[str]:
    return {normal(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def named(text: str) -> set[str]:
    return {normal(name) for name in re.findall(r"`([\w./@-]+)`", text)}


def test_every_package_that_is_installed_is_named() -> None:
    wanted = pinned("\n".join((ROOT / file).read_text() for file in PINNED)) | pinned("\n".join(peer.PACKAGES))
    wanted |= set(json.loads((ROOT / "tests/node/package.json").read_text())["dependencies"])
    assert len(wanted) > 50
    assert wanted <= named(PAGE), f"name them in THIRD_PARTY.md: {wanted - named(PAGE)}"


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.model)
def test_every_weight_is_named_with_its_file_and_licence(recipe: Recipe) -> None:
    source = recipe.source
    row = f"| `{source.distribution}` {source.version} | `{source.file}` | {recipe.licence} | `{recipe.model}` |"
    assert row in PAGE


def test_every_program_that_is_installed_is_named() -> None:
    installer = (ROOT / "docker/install.sh").read_text()
    (commands,) = re.findall(r"for command in (.*); do", installer)
    wanted = {command.rpartition(":")[2] for command in commands.split()}
    training = (ROOT / "export/training/__init__.py").read_text()
    wanted |= set(re.findall(r"\b(?:festival|fest(?:lex|vox)-[\w-]+|libpython3\.11)\b", installer + training))
    assert len(wanted) > 10
    assert {normal(name) for name in wanted} <= named(PAGE)


LICENCES = re.findall(r"^\| ([\w .-]+) \| (.*) \|$", PAGE.partition("## Python packages")[2].partition("## ")[0], re.M)


@pytest.mark.parametrize(("licence", "packages"), LICENCES[1:], ids=lambda text: text[:12])
def test_a_package_stands_under_the_licence_that_it_states(licence: str, packages: str) -> None:
    word = licence.split("-")[0].replace("Python Software Foundation", "PSF|Python Software")
    for name in named(packages):
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another environment
        fields = ("License-Expression", "License")
        classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License")]
        stated = "\n".join([line for field in fields for line in metadata.get_all(field) or []] + classifiers)
        stated = stated.strip() or _text_of(name)
        assert re.search(word.replace("MPL", "MPL|Mozilla"), stated), f"{name} is not under {licence}"


def _text_of(name: str) -> str:
    """The licence itself, of a package whose metadata only names its file."""
    files = importlib.metadata.files(name) or []
    return "\n".join(file.read_text() for file in files if "licenses" in file.parts)
