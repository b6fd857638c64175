"""The pictures of `docs/pictures`, drawn from the source: `python -m tests.pictures` draws them anew."""

from collections.abc import Callable, Mapping

from tests.pictures import house, overview
from tests.triton_server import ROOT

FOLDER = ROOT / "docs" / "pictures"
PICTURES: Mapping[str, Callable[[], str]] = {"house.svg": house.draw, "overview.svg": overview.draw}
