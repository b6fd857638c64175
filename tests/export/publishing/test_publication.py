"""A version appears whole or not at all, with the next number, whoever fails, dies or publishes at the same time."""

import argparse
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from export.failure import ExportError
from export.graphs.whisper.graph import build
from export.publishing import asr_version, publication
from export.publishing import published as real
from export.publishing.publication import Version, current, publish, versions
from tests.export.graphs.whisper.checkpoint import END, SMALL, START, options, random_weights

FILES = {"model.onnx": b"graph", "manifest.json": json.dumps({"recipe": "bread 1"}).encode()}


def test_versions_are_numbered_one_after_the_newest(tmp_path: Path) -> None:
    (tmp_path / "m" / "7").mkdir(parents=True)
    assert publish(tmp_path / "m", FILES).number == 8
    assert publish(tmp_path / "m", FILES).number == 9


def test_a_version_holds_the_files_and_others_may_read_them(tmp_path: Path) -> None:
    version = publish(tmp_path / "m", FILES)
    assert {path.name: path.read_bytes() for path in version.path.iterdir()} == FILES
    assert version.path.stat().st_mode & 0o055 == 0o055
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in version.path.iterdir())


def test_a_failure_half_way_publishes_nothing_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path / "m", FILES)
    written: list[Path] = []

    def write_one_then_fail(path: Path, content: bytes) -> None:
        if written:
            raise OSError("no space left on device")
        written.append(path)
        path.write_bytes(content)

    monkeypatch.setattr(publication, "_write_durably", write_one_then_fail)
    with pytest.raises(OSError, match="no space left"):
        publish(tmp_path / "m", FILES)
    assert written
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["1"]


@pytest.fixture(scope="module")
def graph() -> bytes:
    return bytes(build(random_weights(SMALL), SMALL, options()).SerializeToString())


def export(graph: bytes, models: Path, *languages: str) -> None:
    """A recogniser with this graph, as published weights come; beside others where languages are named."""
    provenance = asr_version.Provenance("recipe", "source", "licence", "fp32", {}, {"max_difference": 0.0})
    tokens = asr_version.Tokens(END, 50, START)
    spoken = list(languages) or ["en"]
    recogniser = asr_version.Recogniser("whisper", "identity", provenance, spoken, ["transcribe"], tokens, "{}", 40)
    options = argparse.Namespace(repository=models, languages=languages)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.onnx").write_bytes(graph)
        real.publish("whisper", recogniser, Path(folder), options)


@pytest.mark.parametrize(("failing", "numbers"), [("asr", [[1], [1], [1]]), ("language_id", [[1, 2], [1, 2], [1]])])
def test_a_graph_that_nothing_came_to_name_goes_again(
    graph: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, numbers: list[list[int]]
) -> None:
    """Only the two newest graphs are served: left there, two failures would push out the one in use."""

    def fail(folder: Path, files: Mapping[str, bytes]) -> Version:
        if folder.name == failing:
            raise OSError("no space left on device")
        return publish(folder, files)

    export(graph, tmp_path)
    monkeypatch.setattr(asr_version, "publish", fail)
    with pytest.raises(OSError, match="no space left"):
        export(graph, tmp_path)
    models = ("whisper", "asr", "language_id")
    assert [[version.number for version in versions(tmp_path / model)] for model in models] == numbers


def test_an_engine_that_would_not_be_served_any_more_is_not_kept_silently(graph: bytes, tmp_path: Path) -> None:
    export(graph, tmp_path)
    export(graph, tmp_path, "de")
    with pytest.raises(ExportError, match=r"whisper 1 would not be served any more, .*: delete .*whisper/2 and"):
        export(graph, tmp_path, "fr")
    assert [version.number for version in versions(tmp_path / "whisper")] == [1, 2]
    export(graph, tmp_path, "de", "en")
    newest = versions(tmp_path / "asr")[-1].manifest
    assert (newest["graph"], newest["languages"]) == ({"model": "whisper", "version": 3}, ["de", "en"])


def test_a_reader_never_sees_half_a_version(tmp_path: Path) -> None:
    large = {**FILES, "model.onnx": b"x" * 2_000_000}
    publishing, incomplete, seen = threading.Event(), [], set()

    def watch() -> None:
        while not publishing.is_set():
            for version in versions(tmp_path / "m"):
                seen.add(version.number)
                if version.model_path.stat().st_size != 2_000_000 or not version.manifest:
                    incomplete.append(version)

    with ThreadPoolExecutor() as pool:
        watcher = pool.submit(watch)
        for _ in range(20):
            publish(tmp_path / "m", large)
        publishing.set()
        watcher.result()
    assert not incomplete
    assert seen


def test_two_publishers_at_once_get_two_numbers(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        published = list(pool.map(lambda _: publish(tmp_path / "m", FILES).number, range(8)))
    assert sorted(published) == list(range(1, 9))


def test_what_a_killed_publisher_left_behind_is_no_version_and_goes_with_the_next(tmp_path: Path) -> None:
    left = tmp_path / "m" / f"{publication.UNFINISHED_PREFIX}abc"
    left.mkdir(parents=True)
    (left / "model.onnx").write_bytes(b"half")
    assert versions(tmp_path / "m") == []
    publish(tmp_path / "m", FILES)
    assert not left.exists()


def test_the_newest_version_of_the_recipe_is_the_current_one(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    assert current(folder, "bread 1") is None
    publish(folder, FILES)
    publish(folder, FILES)
    publish(folder, {**FILES, "manifest.json": b'{"recipe": "bread 2"}'})
    found = current(folder, "bread 1")
    assert found is not None
    assert found.number == 2


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b"\xff\xfe", b'"bread 1"'])
def test_a_version_whose_manifest_cannot_be_read_is_never_current(tmp_path: Path, manifest: bytes) -> None:
    publish(tmp_path / "m", {**FILES, "manifest.json": manifest})
    assert current(tmp_path / "m", "bread 1") is None


def test_a_version_without_its_graph_is_not_current(tmp_path: Path) -> None:
    os.remove(publish(tmp_path / "m", FILES).model_path)
    assert current(tmp_path / "m", "bread 1") is None
