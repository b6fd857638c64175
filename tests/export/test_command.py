"""`python -m export` as an operator sees it: what it publishes, when it does nothing, and how it says what is wrong."""

import dataclasses
import json
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from export import __main__ as command
from export.failure import ExportError
from export.graphs.runtime import Runner
from export.publishing import pipeline
from export.publishing.recipes import BUNDLED, RECIPES, every_recipe
from export.publishing.source import Source

ROOT = Path(__file__).parents[2]
MODELS = sorted(RECIPES)
ALL_MODELS = sorted(every_recipe())
MODELS_WITH_GRAPH = [*MODELS, "whisper"]


@pytest.fixture
def copied(repository: Path, tmp_path: Path) -> Path:
    """A repository of one's own to change."""
    return shutil.copytree(repository, tmp_path / "model_repository")


def numbers(repository: Path, model: str) -> list[str]:
    return sorted(path.name for path in (repository / model).iterdir() if path.is_dir())


def test_a_second_export_is_a_no_op_that_imports_nothing_heavy(repository: Path) -> None:
    program = (
        "import sys, export.__main__ as command\n"
        f"assert command.main(['--repository', {str(repository)!r}]) == 0\n"
        "assert not {'numpy', 'onnx', 'onnxruntime', 'tqdm'} & set(sys.modules)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.splitlines() == [f"{model}: version 1 is current" for model in every_recipe()]
    assert all(numbers(repository, model) == ["1"] for model in ALL_MODELS)


def test_an_older_recipe_is_followed_by_the_next_version(copied: Path) -> None:
    manifest = copied / "vad/1/manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "recipe": "vad 0"}))
    assert command.main(["vad", "--repository", str(copied)]) == 0
    assert numbers(copied, "vad") == ["1", "2"]
    assert json.loads((copied / "vad/2/manifest.json").read_text())["recipe"] == str(RECIPES["vad"])


def test_force_publishes_the_same_identity_under_the_next_number(copied: Path) -> None:
    assert command.main(["vad", "--force", "--repository", str(copied)]) == 0
    first, second = (json.loads((copied / f"vad/{n}/manifest.json").read_text()) for n in (1, 2))
    assert first == second


def test_a_new_graph_makes_new_versions_of_what_names_it(copied: Path) -> None:
    assert command.main(["moonshine", "whisper", "--force", "--repository", str(copied)]) == 0
    assert command.main(["--repository", str(copied)]) == 0
    for model, named in (("asr", "whisper"), ("language_id", "moonshine")):
        assert numbers(copied, model) == ["1", "2"]
        told = [json.loads((copied / model / n / "manifest.json").read_text()) for n in "12"]
        graphs = [each["engines"][-1]["graph"] if model == "asr" else each["graph"] for each in told]
        assert graphs == [{"model": named, "version": 1}, {"model": named, "version": 2}]


def test_what_names_a_graph_is_not_published_without_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["asr", "--repository", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "export: asr needs a version of moonshine: python -m export\n"
    assert not list(tmp_path.rglob("manifest.json"))


def test_other_bundled_weights_make_other_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {model: recipe.name(tmp_path) for model, recipe in BUNDLED.items()}
    folder = shutil.copytree(ROOT / "export/bundled", tmp_path / "bundled")
    monkeypatch.setattr("export.publishing.recipes.BUNDLED_FOLDER", folder)
    assert {model: recipe.name(tmp_path) for model, recipe in BUNDLED.items()} == before
    for name in ("model.safetensors", "manifest.json"):
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert all(recipe.name(tmp_path) != before[model] for model, recipe in BUNDLED.items())


def test_weights_from_elsewhere_are_handed_on_with_all_that_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    foreign = types.ModuleType("export.elsewhere")

    def note(arguments: list[str]) -> int:
        seen.append(arguments)
        return 3

    vars(foreign)["main"] = note
    monkeypatch.setitem(sys.modules, "export.elsewhere", foreign)
    monkeypatch.setattr(command, "FOREIGN_WEIGHTS", "export.elsewhere")
    assert command.main(["asr", "--from", "some/model", "--precision", "int8"]) == 3
    assert seen == [["asr", "--from", "some/model", "--precision", "int8"]]


def test_a_graph_beyond_its_tolerance_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECIPES, "vad", dataclasses.replace(RECIPES["vad"], tolerance=1e-12))
    assert command.main(["vad", "--repository", str(tmp_path)]) == 1
    assert "vad differs from its reference" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.onnx"))


def test_a_parity_that_is_not_a_number_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(pipeline.PARITIES, "vad", lambda model, source: {"max_difference": float("nan")})
    assert command.main(["vad", "--repository", str(tmp_path)]) == 1
    assert "differs from its reference" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.onnx"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("no-such-package", "1.0", "x"), "export: no-such-package is not installed: pip install --no-deps"),
        (Source("silero-vad", "0.0.1", "x"), "0.0.1 needed: pip install --no-deps silero-vad==0.0.1"),
        (Source("silero-vad", "6.2.3", "silero_vad/gone.onnx"), "gone.onnx is missing"),
    ],
)
def test_a_missing_source_is_one_line_that_says_what_to_install(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: Source,
    message: str,
) -> None:
    monkeypatch.setitem(RECIPES, "vad", dataclasses.replace(RECIPES["vad"], source=source))
    assert command.main(["vad", "--repository", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_check_measures_the_published_version_and_changes_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    assert command.main(["--check", "--repository", str(repository)]) == 0
    assert capsys.readouterr().out.count("is current, differs from its reference by") == len(every_recipe())
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before


def test_check_fails_on_a_manifest_that_is_not_the_graphs(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = copied / "vad/1/manifest.json"
    manifest.write_text(manifest.read_text().replace('"licence": "MIT"', '"licence": "none"'))
    assert command.main(["vad", "--check", "--repository", str(copied)]) == 1
    assert "manifest.json is not what the graph answers" in capsys.readouterr().err


def test_check_fails_where_nothing_is_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["vad", "--check", "--repository", str(tmp_path)]) == 1
    assert "vad has no version" in capsys.readouterr().err


def test_a_calibration_of_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["speaker_embedding"]
    monkeypatch.setattr("export.publishing.recipes.CALIBRATION_FOLDER", tmp_path)
    recipe.calibration_path.write_text(
        json.dumps({"kind": "logistic by speech", "slope": 1.0, "intercept": 0.0, "identity": "f" * 32})
    )
    with pytest.raises(ExportError, match=r"python -m export\.calibrate"):
        pipeline.calibration(recipe, "0" * 32)


def test_another_calibration_or_limit_makes_another_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = RECIPES["speaker_embedding"]
    names = {str(recipe), str(dataclasses.replace(recipe, limits={"max_seconds": 1}))}
    monkeypatch.setattr("export.publishing.recipes.CALIBRATION_FOLDER", tmp_path)
    names.add(str(recipe))
    assert len(names) == 3


@pytest.mark.parametrize("model", MODELS_WITH_GRAPH)
def test_the_manifest_in_the_graph_is_the_one_beside_it(repository: Path, model: str) -> None:
    folder = repository / model / "1"
    assert Runner(folder / "model.onnx").manifest() == (folder / "manifest.json").read_text()


@pytest.mark.parametrize("model", MODELS)
def test_a_manifest_says_what_a_gateway_needs(repository: Path, model: str) -> None:
    manifest = json.loads((repository / model / "1/manifest.json").read_text())
    assert manifest["model"] == model
    assert len(bytes.fromhex(manifest["identity"])) == 16
    assert manifest["limits"]["sample_rate"] == 16_000
    assert manifest["parity"]["max_difference"] <= manifest["parity"]["tolerance"]
    hashes = manifest["sha256"]  # of one file, or by their names
    assert all(len(bytes.fromhex(each)) == 32 for each in (hashes.values() if isinstance(hashes, dict) else [hashes]))
    if model == "speaker_embedding":
        assert manifest["calibration"].keys() == {"kind", "slope", "intercept", "seconds", "provenance"}
    else:
        assert manifest["calibration"] is None


def test_an_unknown_model_is_refused_with_the_names_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["nosuch"])
    assert "unknown model 'nosuch', choose from vad, speaker_embedding" in capsys.readouterr().err
