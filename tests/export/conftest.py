"""The bundled models, exported once for all tests of this folder into a repository of their own."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export import __main__ as command
from export.graphs.runtime import Inputs, Runner

COMMITTED_REPOSITORY = Path(__file__).parents[2] / "model_repository"


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed configurations and the first version of each model. Read-only by agreement."""
    folder = tmp_path_factory.mktemp("exported") / "model_repository"
    for config in COMMITTED_REPOSITORY.glob("*/config.pbtxt"):
        (folder / config.parent.name).mkdir(parents=True)
        shutil.copy(config, folder / config.parent.name)
    assert command.main(["--repository", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def vad(repository: Path) -> Runner:
    return Runner(repository / "vad/1/model.onnx")


@pytest.fixture(scope="session")
def speaker(repository: Path) -> Runner:
    return Runner(repository / "speaker_embedding/1/model.onnx")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def fresh_vad_inputs(audio: NDArray[np.int16], windows: list[int]) -> Inputs:
    """Rows that begin a stream."""
    rows = len(windows)
    return {
        "AUDIO": audio,
        "WINDOWS": np.array(windows, np.int32)[:, None],
        "CONTEXT": np.zeros((rows, 64), np.float32),
        "STATE": np.zeros((rows, 2, 128), np.float32),
    }
