"""The published coverage is of packages that exist, and above the bar."""

import re

import pytest

from tests import coverage
from tests.triton_server import ROOT

ROW = re.compile(r"\| `(\w+)` \| (\d+) \| ([\d.]+) % \| (\d+) \| ([\d.]+) % \|")


def published() -> dict[str, tuple[float, float]]:
    """Statements and branches, in per cent, by package."""
    rows = ROW.findall(coverage.PAGE.read_text())
    return {package: (float(run), float(taken)) for package, _statements, run, _branches, taken in rows}


def test_every_measured_package_is_published() -> None:
    assert tuple(published()) == coverage.PACKAGES
    assert all((ROOT / "frontend" / package).is_dir() for package in coverage.PACKAGES)


@pytest.mark.parametrize("package", coverage.PACKAGES)
def test_what_is_published_is_above_the_bar(package: str) -> None:
    assert min(published()[package]) >= coverage.BAR_PERCENT
