"""The pictures that lie in `docs/pictures` are those that the source of this moment draws."""

import xml.etree.ElementTree

import pytest

from tests.pictures import FOLDER, PICTURES, house
from tests.test_house import ORDER


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_as_the_source_draws_it(name: str) -> None:
    assert (FOLDER / name).read_text() == PICTURES[name](), "draw the pictures anew: python -m tests.pictures"


def test_the_house_has_a_room_for_every_package_and_a_dot_for_every_import() -> None:
    drawn = [each.text or "" for each in xml.etree.ElementTree.fromstring(house.draw()).iter()]
    for name, imported in house.package_imports().items():
        assert drawn.count(name) == 2, "a row and a column"
        assert {other for other in ORDER if f"{name} imports {other}" in drawn} == imported
