"""A context, metric, endpoint or target that nobody can read about does not exist for its users."""

import ast
import dataclasses
import json
import re
from pathlib import Path

import pytest
from aiohttp import web

import docker.run
import docker.triton.launcher
import export.__main__
import export.calibration.__main__
import export.evaluation.__main__
import export.publishing.published
import frontend.__main__
import frontend.client.command
import frontend.keys.__main__
import tests.bench.__main__
import tests.soak.__main__
from frontend.config import loading as configuration
from frontend.config import settings
from frontend.protocols import PROTOCOLS, WEBSOCKETS
from frontend.protocols.base import WireProtocol
from frontend.rest import ROUTES
from frontend.telemetry.metrics import Metrics
from tests.pages import READ, RUN, SHOWN, blocks, documentation, headings, links, name_of, pages, text_of
from tests.test_house import ORDER
from tests.triton_server import ROOT

README_BYTES = 8000
OPERATIONS, ARCHITECTURE, REST = "docs/operations.md", "docs/architecture.md", "docs/protocols/rest.md"
MODELS, BENCHMARKS, RELIABILITY = "docs/models.md", "docs/benchmarks/README.md", "docs/reliability.md"

PROGRAMS = {
    docker.run: OPERATIONS,
    docker.triton.launcher: OPERATIONS,
    frontend.__main__: OPERATIONS,
    frontend.client.command: "docs/client.md",
    frontend.keys.__main__: OPERATIONS,
    export.__main__: MODELS,
    export.publishing.published: MODELS,
    export.calibration.__main__: MODELS,
    export.evaluation.__main__: MODELS,
    tests.bench.__main__: BENCHMARKS,
    tests.soak.__main__: RELIABILITY,
}


def test_the_readme_is_read_at_one_sitting() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= README_BYTES


def test_every_page_is_reached_from_the_readme() -> None:
    reached, seen = ["README.md"], set()
    while reached:
        seen.add(name := reached.pop())
        reached += [target for target, _ in links(ROOT / name) if target.endswith(".md") and target not in seen]
    assert seen >= {name_of(page) for page in pages()}


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in links(page):
        assert (ROOT / target).exists(), target
        assert not heading or heading in headings(target), f"{target}#{heading}"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_what_a_page_shows_is_of_a_known_kind_and_can_be_read(page: Path, tmp_path: Path) -> None:
    for language, content in blocks(page):
        assert language in (*RUN, *READ, *SHOWN)
        if language == "json":
            json.loads(content)
        elif language == "yaml":
            (tmp_path / "own.yaml").write_text(content)
            configuration.load(tmp_path / "own.yaml", {})


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_endpoint_has_its_line(route: web.RouteDef) -> None:
    assert f"\n| `{route.method} {route.path}` |" in text_of(REST)


@pytest.mark.parametrize("protocol", WEBSOCKETS, ids=lambda protocol: protocol.profile.name)
def test_every_socket_has_its_page(protocol: type[WireProtocol]) -> None:
    told = "\n".join(page.read_text() for page in (ROOT / "docs" / "protocols").glob("*.md"))
    assert f"`{protocol.profile.path}`" in told, "no page in docs/protocols tells of this path"


@pytest.mark.parametrize("protocol", set(PROTOCOLS) - set(WEBSOCKETS), ids=lambda protocol: protocol.profile.name)
def test_every_protocol_without_a_path_has_a_page_of_its_name_and_port(protocol: type[WireProtocol]) -> None:
    name = protocol.profile.name
    page = ROOT / "docs" / "protocols" / f"{name}.md"
    assert f"port {settings.Settings().port_numbers[name]}" in page.read_text().partition("\n")[0]


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "protocols").glob("*.md")), ids=name_of)
def test_every_dialect_has_examples_in_python_and_javascript_and_a_word_on_curl(page: Path) -> None:
    shown = [language for language, _ in blocks(page)]
    assert {"python", "javascript"} <= set(shown)
    assert "curl" in page.read_text()


def metric_names() -> set[str]:
    families = Metrics().registry.collect()
    return {family.name + "_total" * (family.type == "counter") for family in families}


def test_every_metric_has_its_line_and_none_that_does_not_exist() -> None:
    assert set(re.findall(r"^\| `((?:gateway|asr)_\w+)` \|", text_of(OPERATIONS), re.MULTILINE)) == metric_names()


def test_metrics_that_a_page_names_exist() -> None:
    assert set(re.findall(r"`((?:gateway|asr)_[a-z_]+)`", documentation())) <= metric_names()


def sections() -> list[str]:
    return [section.name for section in dataclasses.fields(settings.Settings)]


def keys(section: str) -> list[str]:
    return [key.name for key in dataclasses.fields(getattr(settings.Settings(), section))]


def test_every_setting_is_explained_where_it_is_set() -> None:
    lines = configuration.DEFAULT_FILE.read_text().splitlines()
    for section in sections():
        start = lines.index(f"{section}:")
        for key in keys(section):
            at = next(i for i in range(start, len(lines)) if lines[i].startswith(f"  {key}: "))
            # A comment of its own, one above the keys directly before it, or one over the whole section.
            before = at - 1
            while lines[before].startswith("  ") and not lines[before].lstrip().startswith("#"):
                before -= 1
            explained = lines[before].lstrip().startswith("#") or lines[start - 1].startswith("#")
            assert explained, f"{section}.{key} is not explained"


def test_every_section_of_the_settings_has_its_line() -> None:
    table = text_of(OPERATIONS).partition("\n## Settings\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == sections()


def test_settings_that_a_page_names_exist() -> None:
    known = {f"{section}.{key}" for section in sections() for key in keys(section)}
    named = set(re.findall(rf"`((?:{'|'.join(sections())})\.\w+)(?::[^`]*)?`", documentation()))
    assert named
    assert named <= known


@pytest.mark.parametrize(("program", "page"), PROGRAMS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_every_flag_has_its_place(program: object, page: str) -> None:
    tree = ast.parse(Path(str(getattr(program, "__file__", ""))).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    arguments = [
        call.args for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
    ]
    names = [arg.value for args in arguments for arg in args if isinstance(arg, ast.Constant)]
    flags = {name for name in names if isinstance(name, str) and name.startswith("--")}
    assert flags
    assert not {flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text_of(page))}


def test_every_make_target_says_what_it_does_and_has_its_place() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## \w+", makefile, re.MULTILINE), target
        assert re.search(rf"`make {target}\b", text_of(OPERATIONS)), target


@pytest.mark.parametrize("member", tests.bench.__main__.MEMBERS)
def test_every_benchmark_has_its_section(member: str) -> None:
    told = "\n".join(page.read_text() for page in (ROOT / "docs" / "benchmarks").glob("*.md"))
    assert f"\n## `{member}`\n" in told


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_the_paths_that_a_page_names_exist(page: Path) -> None:
    paths = re.findall(r"`((?:frontend|export|docker|docs|tests|model_repository)/[\w./-]*)`", page.read_text())
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_the_table_of_packages_is_the_order_in_which_they_may_import() -> None:
    house = text_of(ARCHITECTURE).partition("\n## The house\n")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", house, re.MULTILINE)) == ORDER


def test_the_changelog_begins_with_what_is_not_released_and_then_this_version() -> None:
    versions = re.findall(r"^## \[(.+?)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert versions[:2] == ["Unreleased", frontend.__version__]
    assert f'\nversion = "{frontend.__version__}"\n' in (ROOT / "pyproject.toml").read_text()
