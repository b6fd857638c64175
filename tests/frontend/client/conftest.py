"""The recording that the client sends."""

from pathlib import Path

import pytest

from tests.frontend.client.scripted import FLAC


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "tone.flac"
    path.write_bytes(FLAC)
    return path
