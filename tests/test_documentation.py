"""A setting, metric, endpoint or target that nobody can read about does not exist for its users."""

import dataclasses
import re

import pytest
from aiohttp import web

from docker import run
from docker.triton import launcher
from frontend.config import loading as configuration
from frontend.config import settings
from frontend.keys import __main__ as keys
from frontend.protocols import PROTOCOLS
from frontend.protocols.base import WireProtocol
from frontend.rest import ROUTES
from frontend.telemetry.metrics import Metrics
from tests.triton_server import ROOT

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_endpoint_stands_in_the_readme(route: web.RouteDef) -> None:
    assert f"`{route.method} {route.path}`" in README


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.profile.name)
def test_every_socket_stands_in_the_readme(protocol: type[WireProtocol]) -> None:
    assert f"`{protocol.profile.path}`" in README


def metric_names() -> set[str]:
    families = Metrics().registry.collect()
    return {family.name + "_total" * (family.type == "counter") for family in families}


def test_every_metric_stands_in_the_readme_and_none_that_does_not_exist() -> None:
    assert set(re.findall(r"^\| `((?:gateway|asr)_\w+)` \|", README, re.MULTILINE)) == metric_names()


def test_every_setting_is_explained_where_it_is_set() -> None:
    lines = configuration.DEFAULT_FILE.read_text().splitlines()
    for section in dataclasses.fields(settings.Settings):
        start = lines.index(f"{section.name}:")
        for key in dataclasses.fields(getattr(settings.Settings(), section.name)):
            at = next(i for i in range(start, len(lines)) if lines[i].startswith(f"  {key.name}: "))
            # A comment of its own, one above the keys directly before it, or one over the whole section.
            before = at - 1
            while lines[before].startswith("  ") and not lines[before].lstrip().startswith("#"):
                before -= 1
            explained = lines[before].lstrip().startswith("#") or lines[start - 1].startswith("#")
            assert explained, f"{section.name}.{key.name} is not explained"


def test_settings_that_the_readme_names_exist() -> None:
    known = {
        f"{section.name}.{key.name}"
        for section in dataclasses.fields(settings.Settings)
        for key in dataclasses.fields(getattr(settings.Settings(), section.name))
    }
    sections = "|".join({name.partition(".")[0] for name in known})
    named = set(re.findall(rf"`((?:{sections})\.\w+)(?::[^`]*)?`", README))
    assert named
    assert named <= known


@pytest.mark.parametrize("program", [run, launcher, keys], ids=["run", "launcher", "keys"])
def test_every_flag_stands_in_the_readme(program: object) -> None:
    source = (ROOT / str(getattr(program, "__file__", ""))).read_text()
    flags = set(re.findall(r'"(--[a-z-]+)"', source))
    assert flags
    missing = {flag for flag in flags if flag not in README and flag.startswith("--") and f"`{flag}" not in README}
    assert not missing


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## \w+", makefile, re.MULTILINE), target


def test_the_paths_that_the_readme_names_exist() -> None:
    paths = re.findall(r"`((?:frontend|export|docker|tests|model_repository)/[\w./-]*)`", README)
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing
