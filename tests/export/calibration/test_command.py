"""`python -m export.calibrate --manifest` on speakers of one's own."""

import json
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest

from export.calibration import __main__ as command
from export.calibration.voices import TEST_VOICES, sentences, speak
from export.graphs.runtime import Runner
from export.publishing.publication import publish, versions
from export.publishing.recipes import RECIPES, foreign
from frontend.calibration import Calibration
from frontend.speech import Manifest
from tests.sounds import wav

MODEL = "speaker_embedding"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings each of five voices."""
    folder = tmp_path_factory.mktemp("own")
    lines = []
    for voice in TEST_VOICES[:5]:
        for number, texts in enumerate((sentences("en")[:2], sentences("en")[2:4])):
            name = f"{voice.name}{number}.wav"
            (folder / name).write_bytes(wav(np.concatenate([speak(voice, text) for text in texts])))
            lines.append(json.dumps({"audio": name, "speaker": voice.name}))
    path = folder / "manifest.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_a_version_with_the_own_calibration_is_published(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository, drawn = tmp_path / "repository", tmp_path / "made" / "picture.svg"
    arguments = ["--manifest", str(manifest), "--repository", str(repository), "--picture", str(drawn)]
    assert command.main(arguments) == 0
    told = capsys.readouterr().out
    assert all(words in told for words in ("EER", "same > 0.5", "own users, each half", "version 1 published"))
    xml.etree.ElementTree.fromstring(drawn.read_text())
    (version,) = versions(repository / MODEL)
    said = Manifest.parse(Runner(version.model_path).manifest())
    bundled = Calibration.parse(RECIPES[MODEL].calibration())
    assert said.calibration is not None
    assert bundled is not None
    assert said.calibration.seconds == bundled.seconds
    assert said.calibration != bundled
    assert "5 own speakers, 10 recordings" in version.manifest["calibration"]["provenance"]
    assert foreign(RECIPES[MODEL], repository) == version, "the bundled one would take its place unasked"


def test_only_measuring_publishes_nothing(manifest: Path, tmp_path: Path) -> None:
    picture = str(tmp_path / "picture.svg")
    arguments = ["--manifest", str(manifest), "--repository", str(tmp_path), "--no-publish", "--picture", picture]
    assert command.main(arguments) == 0
    assert versions(tmp_path / MODEL) == []


def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: Path) -> str:
    assert command.main(["--manifest", str(manifest), "--repository", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert not versions(tmp_path / "repository" / MODEL)
    return told


def test_too_few_speakers_are_told(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = manifest.with_name("few.jsonl")
    few.write_text("\n".join(manifest.read_text().splitlines()[:6]))
    assert "3 speakers have two recordings" in refused(tmp_path, capsys, few)


def test_a_recording_without_a_speaker_is_told(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nameless = manifest.with_name("nameless.jsonl")
    nameless.write_text(manifest.read_text() + '\n{"audio": "max0.wav"}\n'.replace("max0", TEST_VOICES[0].name + "0"))
    assert "does not name the speaker" in refused(tmp_path, capsys, nameless)


def test_a_recording_that_cannot_be_read_is_told(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (manifest.parent / "broken.wav").write_bytes(b"no sound")
    broken = manifest.with_name("broken.jsonl")
    broken.write_text(manifest.read_text() + '\n{"audio": "broken.wav", "speaker": "x"}\n')
    assert "broken.wav cannot be read" in refused(tmp_path, capsys, broken)


def test_other_weights_than_ours_are_not_calibrated(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path / MODEL, {"manifest.json": json.dumps({"identity": "ab" * 16}).encode()})
    assert "has other weights" in refused(tmp_path, capsys, manifest)
