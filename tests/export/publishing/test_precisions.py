"""The bundled models in the precision for GPUs: near their references, and served until another one is asked for."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from export import __main__ as command
from export.publishing.publication import versions

pytestmark = pytest.mark.timeout(300)  # the first of a process exports all models
HALVED = ("speaker_embedding", "moonshine", "whisper")
NAMING = ("asr", "language_id")


def newest(repository: Path, model: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((versions(repository / model)[-1].path / "manifest.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def halved(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copied = Path(shutil.copytree(repository, tmp_path_factory.mktemp("halved") / "model_repository"))
    assert command.main(["--precision", "fp16", "--repository", str(copied)]) == 0
    return copied


@pytest.mark.parametrize("model", HALVED)
def test_a_model_in_half_precision_is_near_its_reference_and_for_gpus(halved: Path, model: str) -> None:
    told = newest(halved, model)
    assert told["precision"] == "fp16"
    assert "cuda" in told["providers"]
    assert 0 < told["parity"]["max_difference"] <= told["parity"]["tolerance"] <= 0.1


def test_the_usual_int8_is_for_the_cpu_alone(repository: Path) -> None:
    told = newest(repository, "moonshine")
    assert (told["precision"], told["providers"]) == ("int8", ["cpu"])


def test_voice_activity_stays_as_it_is_because_it_stays_on_the_cpu(halved: Path) -> None:
    assert len(versions(halved / "vad")) == 1
    assert newest(halved, "vad")["precision"] == "fp32"


def test_voice_templates_stay_good(halved: Path) -> None:
    one, other = (versions(halved / "speaker_embedding")[place].manifest for place in (0, -1))
    assert one["identity"] == other["identity"]
    assert one["calibration"] == other["calibration"]


def test_what_names_graphs_names_those_in_half_precision(halved: Path) -> None:
    graphs = [each["graph"] for each in newest(halved, "asr")["engines"]]
    assert graphs == [{"model": model, "version": 2} for model in ("moonshine", "whisper")]
    assert newest(halved, "language_id")["graph"] == {"model": "moonshine", "version": 2}


def test_it_is_served_until_another_precision_is_asked_for(halved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--precision", "fp16", "--repository", str(halved)]) == 0
    assert "published" not in capsys.readouterr().out
    assert command.main(["--repository", str(halved)]) == 0
    assert capsys.readouterr().out.count("stays") == len(HALVED) + len(NAMING)
    assert command.main(["speaker_embedding", "--precision", "fp32", "--repository", str(halved)]) == 0
    told = newest(halved, "speaker_embedding")
    assert (told["precision"], len(versions(halved / "speaker_embedding"))) == ("fp32", 3)
