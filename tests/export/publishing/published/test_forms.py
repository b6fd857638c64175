"""The forms in which checkpoints come: every one gives the same weights, tokenizer and settings."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docker.triton import configuration
from tests.export.publishing.published.conftest import Outcome, export_all, order

pytestmark = pytest.mark.timeout(600)  # PyTorch is imported, and weights are exported, before the first

SETTINGS = "generation_config.json"
Form = Callable[[Path], object]


def as_old_tokenizer_files(folder: Path) -> None:
    """vocab.json, merges.txt and added_tokens.json, as checkpoints had them before tokenizer.json."""
    content = json.loads((folder / "tokenizer.json").read_text())
    added = {token["content"]: token["id"] for token in content["added_tokens"]}
    words = {token: number for token, number in content["model"]["vocab"].items() if token not in added}
    words["<|endoftext|>"] = added.pop("<|endoftext|>")  # GPT-2's, the library writes it with the vocabulary
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in content["model"]["merges"]]
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (folder / "added_tokens.json").write_text(json.dumps(added))
    (folder / "tokenizer.json").unlink()


def without_settings(folder: Path) -> None:
    """What generation_config.json says but for what only it knows is in the tokenizer and config.json."""
    settings = json.loads((folder / SETTINGS).read_text())
    config = json.loads((folder / "config.json").read_text())
    kept = {name: settings[name] for name in ("suppress_tokens", "begin_suppress_tokens")}
    (folder / "config.json").write_text(json.dumps({**config, **kept}))
    (folder / SETTINGS).unlink()


def with_its_teachers_heads(folder: Path) -> None:
    """A distilled checkpoint's settings: the heads are of layers that only its teacher has."""
    settings = json.loads((folder / SETTINGS).read_text())
    (folder / SETTINGS).write_text(json.dumps({**settings, "alignment_heads": [[1, 0], [25, 6]]}))


def unchanged(_folder: Path) -> None:
    """The form that the others are compared with."""


FORMS: dict[str, tuple[str, Form]] = {
    "safetensors": ("multilingual", unchanged),
    "a pickle": ("pickled", unchanged),
    "vocabulary and merges": ("multilingual", as_old_tokenizer_files),
    "no settings": ("multilingual", without_settings),
    "distilled": ("multilingual", with_its_teachers_heads),
}


@pytest.fixture(scope="module")
def manifests(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("forms")
    orders = []
    for number, (kind, form) in enumerate(FORMS.values()):
        source = Path(shutil.copytree(checkpoints / kind, folder / str(number)))
        form(source)
        orders.append(order(source, folder / f"repository-{number}", "--no-padding", "--languages", "de", "en"))
    assert export_all(orders) == [Outcome(0, "")] * len(orders)
    paths = [folder / f"repository-{number}/asr/1/manifest.json" for number in range(len(FORMS))]
    return {name: json.loads(path.read_text()) for name, path in zip(FORMS, paths, strict=True)}


@pytest.mark.parametrize("form", FORMS)
def test_a_checkpoint_in_another_form_is_the_same_recogniser(manifests: dict[str, dict[str, Any]], form: str) -> None:
    expected, found = manifests["safetensors"], manifests[form]
    assert found["languages"] == ["en", "de"]
    for name in ("tokens", "tasks", "languages", "limits", "wants_padding"):
        assert found[name] == expected[name]
    difference = "log_probability_difference"
    assert found["parity"][difference] == pytest.approx(expected["parity"][difference], abs=1e-6)


def test_without_a_network_a_name_is_refused_with_what_to_do_instead(tmp_path: Path) -> None:
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    (outcome,) = export_all([order("nobody/no-such-weights", tmp_path / "repository")], offline)
    assert outcome.status == 1
    assert outcome.errors.startswith("export: no network to fetch nobody/no-such-weights")
    assert outcome.errors.endswith("download the folder elsewhere and pass its path\n")


STAND_IN = r"""#!/bin/sh
printf '%s\n' "$@" >"$0.arguments"
for each; do case $each in --onnx=*) test -s "${each#*=}" || exit 1 ;; esac; done
for each; do case $each in --saveEngine=*) echo plan >"${each#*=}" ;; esac; done
"""


@pytest.fixture
def trtexec(tmp_path: Path) -> Path:
    """A stand-in on PATH that notes its arguments and writes a plan."""
    program = tmp_path / "bin/trtexec"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_a_plan_is_built_for_every_batch_that_is_served(checkpoints: Path, tmp_path: Path, trtexec: Path) -> None:
    repository = tmp_path / "repository"
    asked = order(checkpoints / "ctc-layer", repository, "--target", "tensorrt", "--precision", "fp16")
    (outcome,) = export_all([asked], {"PATH": f"{trtexec.parent}:{os.environ['PATH']}"})
    assert outcome == Outcome(0, "")
    arguments = Path(f"{trtexec}.arguments").read_text().splitlines()
    assert arguments[2:] == [
        "--minShapes=AUDIO:1x1600,LENGTH:1x1",
        "--optShapes=AUDIO:8x160000,LENGTH:8x1",
        "--maxShapes=AUDIO:16x480000,LENGTH:16x1",
        "--fp16",
    ]
    assert (repository / "ctc_tensorrt/1/model.plan").read_text() == "plan\n"
    facts = json.loads((repository / "ctc_tensorrt/1/manifest.json").read_text())
    assert facts["precision"] == "fp16"
    assert not (repository / "asr").exists()


def test_whispers_encoder_becomes_a_plan_of_half_minutes_with_a_configuration(
    checkpoints: Path, tmp_path: Path, trtexec: Path
) -> None:
    repository = tmp_path / "repository"
    asked = order(checkpoints / "multilingual", repository, "--target", "tensorrt")
    (outcome,) = export_all([asked], {"PATH": f"{trtexec.parent}:{os.environ['PATH']}"})
    assert outcome == Outcome(0, "")
    arguments = Path(f"{trtexec}.arguments").read_text().splitlines()
    assert arguments[2:] == [
        "--minShapes=AUDIO:1x480000,LENGTH:1x1",
        "--optShapes=AUDIO:8x480000,LENGTH:8x1",
        "--maxShapes=AUDIO:16x480000,LENGTH:16x1",
    ]
    config = configuration.read(repository / "whisper_encoder_tensorrt/config.pbtxt")
    assert (config["backend"], config["max_batch_size"]) == ("tensorrt", 16)
    stated = {each["name"]: (each["data_type"], each["dims"]) for each in (*config["input"], *config["output"])}
    assert stated["AUDIO"] == ("TYPE_INT32", [-1])
    assert stated["MEMORY_KEY_1"] == ("TYPE_FP32", [4, -1, 16])
    assert stated["FRAMES"] == ("TYPE_INT64", [1])


def test_a_plan_that_could_not_be_built_is_not_published(checkpoints: Path, tmp_path: Path, trtexec: Path) -> None:
    trtexec.write_text("#!/bin/sh\necho 'no device' >&2\nexit 3\n")
    asked = order(checkpoints / "ctc-layer", tmp_path / "repository", "--target", "tensorrt")
    (outcome,) = export_all([asked], {"PATH": f"{trtexec.parent}:{os.environ['PATH']}"})
    assert outcome == Outcome(1, "export: trtexec failed with 3: no device; nothing was published\n")
    assert not (tmp_path / "repository").exists()
