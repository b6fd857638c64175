import pytest

from export.people.packages import PACKAGES, Package
from tests.pages import text_of

(ROOM,) = (part for part in text_of("THIRD_PARTY.md").split("\n## ") if part.startswith("Recordings of people"))


@pytest.mark.parametrize("package", PACKAGES.values(), ids=lambda package: package.name)
def test_every_package_with_recordings_is_named_with_its_version_under_its_licence(package: Package) -> None:
    (row,) = (line for line in ROOM.splitlines() if line.startswith(f"| {package.licence} |"))
    assert f"`{package.name}` {package.version}" in row
