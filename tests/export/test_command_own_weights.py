"""`python -m export` where somebody's own weights are served: they stay unless the bundled ones are named."""

import json
import shutil
from pathlib import Path

import pytest

from export import __main__ as command
from export.publishing.recipes import RECIPES, every_recipe


@pytest.fixture
def copied(repository: Path, tmp_path: Path) -> Path:
    """A repository of one's own to change."""
    return shutil.copytree(repository, tmp_path / "model_repository")


def numbers(repository: Path, model: str) -> list[str]:
    return sorted(path.name for path in (repository / model).iterdir() if path.is_dir())


def replace_weights(repository: Path, *models: str) -> None:
    """Somebody's own weights as the next version."""
    for model in models:
        folder = Path(shutil.copytree(repository / model / "1", repository / model / "2"))
        facts = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(
            json.dumps({**facts, "recipe": "asr from mine in fp32, weights 01234567"})
        )


@pytest.mark.parametrize("options", [[], ["--force"], ["--check"]])
def test_weights_of_ones_own_stay_unless_they_are_named(
    copied: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    replace_weights(copied, "asr", "language_id")
    shutil.rmtree(copied / "vad")
    shutil.rmtree(copied / "speaker_embedding")
    others = {name: recipe for name, recipe in every_recipe().items() if name not in RECIPES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "every_recipe", lambda *_: others)
        assert command.main(["--repository", str(copied), *options]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "whisper: stays, asr 2 is of your own making",
        "asr: stays, asr 2 is of your own making",
        "language_id: stays, language_id 2 is of your own making",
    ]
    assert [numbers(copied, model) for model in ("whisper", "asr", "language_id")] == [["1"], ["1", "2"], ["1", "2"]]


def test_only_what_has_weights_of_ones_own_stays(copied: Path) -> None:
    replace_weights(copied, "asr")
    assert command.main(["--repository", str(copied), "moonshine", "whisper", "--force"]) == 0
    assert command.main(["--repository", str(copied)]) == 0
    assert [numbers(copied, model) for model in ("whisper", "asr", "language_id")] == [["1", "2"]] * 3
    assert "mine" in json.loads((copied / "asr/2/manifest.json").read_text())["recipe"]
    assert json.loads((copied / "language_id/2/manifest.json").read_text())["graph"]["version"] == 2


def test_who_names_a_model_gets_the_bundled_one_back(copied: Path) -> None:
    replace_weights(copied, "asr", "language_id")
    for _again in range(2):
        assert command.main(["--repository", str(copied), "asr", "language_id"]) == 0
        for model in ("asr", "language_id"):
            assert numbers(copied, model) == ["1", "2", "3"]
            assert "bundled" in json.loads((copied / model / "3/manifest.json").read_text())["recipe"]
