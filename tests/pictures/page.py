"""`python -m tests.pictures.page`: how the page looks while a person reads to it, wide and narrow, light and dark.

The gateway, Triton and Chromium share the machine, so on a busy one the latency that the pictures show is a busy one's.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests import readings
from tests.chromium import Page, browsing
from tests.gateway_server import running_gateway
from tests.pictures import FOLDER
from tests.sounds import wav
from tests.triton_server import ROOT, running_triton
from tests.voices import silence


@dataclass(frozen=True)
class View:
    name: str
    width: int
    height: int
    dark: bool = False


VIEWS = (View("page.png", 960, 620), View("page-narrow.png", 390, 844, dark=True))
_CAPTIONS = "document.getElementById('text').innerText.toLowerCase()"


def take(page: Page, address: str, views: Sequence[View], folder: Path) -> None:
    for view in views:
        page.open(address, view.width, view.height, dark=view.dark)
        page.click("#captions-microphone")
        page.until(f"{_CAPTIONS}.includes('foolishness')")
        page.until("document.getElementById('partial').textContent.length > 10")
        (folder / view.name).write_bytes(page.picture())
        page.click("#captions-microphone")


def main() -> None:
    first, second = readings.parts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spoken = folder / "microphone.wav"
        spoken.write_bytes(wav(np.concatenate([first, silence(1.0), second, silence(1.0)])))
        with (
            running_triton(ROOT / "model_repository", folder / "triton") as triton,
            running_gateway(triton, folder / "gateway") as gateway,
            browsing(folder / "profile", spoken) as page,
        ):
            take(page, gateway.http("/"), VIEWS, FOLDER)


if __name__ == "__main__":
    main()
