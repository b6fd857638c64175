"""Moonshine checkpoints in the hub's layout: the graph agrees with PyTorch, and what is of another model is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.export.publishing.published.conftest import Outcome, export_all, order

pytestmark = pytest.mark.timeout(600)  # PyTorch is imported, and weights are exported, before the first

Change = Callable[[dict[str, Any]], object]


def changed(name: str, change: Change) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return apply


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a family that nobody knows": (
        changed("config.json", lambda config: config.update(model_type="sunshine")),
        "is 'sunshine', not one of whisper, wav2vec2, moonshine",
    ),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer.json"),
    "a tokenizer of another model": (
        changed("tokenizer.json", lambda content: content["model"].update(byte_fallback=False)),
        "is not this checkpoint's: it has no byte pairs that fall back to bytes",
    ),
    "a smaller tokenizer": (
        changed("tokenizer.json", lambda content: content["model"]["vocab"].pop("ab")),
        "tokens, but the embedding",
    ),
    "a tokenizer with other special tokens": (
        changed("generation_config.json", lambda settings: settings.update(eos_token_id=7)),
        "is not this checkpoint's: </s> is 2 there, but 7 in the settings",
    ),
    "truncated weights": (
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:5000]),
        "is truncated or damaged",
    ),
    "another size": (
        changed("config.json", lambda config: config.update(intermediate_size=128)),
        "has shape",
    ),
}


@pytest.fixture(scope="module")
def exported(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Outcome]]:
    """Every precision of the right one, then each wrong one."""
    folder = tmp_path_factory.mktemp("moonshine")
    orders = [
        order(checkpoints / "moonshine", folder / precision, "--precision", precision)
        for precision in ("fp32", "fp16", "int8")
    ]
    orders.append(order(checkpoints / "moonshine", folder / "two", "--languages", "en", "de"))
    for number, (change, _message) in enumerate(WRONG.values()):
        source = Path(shutil.copytree(checkpoints / "moonshine", folder / f"wrong-{number}"))
        change(source)
        orders.append(order(source, folder / f"repository-{number}"))
    return folder, export_all(orders)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 0.1), ("int8", 1.0)])
def test_random_weights_agree_with_pytorch(
    exported: tuple[Path, list[Outcome]], precision: str, tolerance: float
) -> None:
    folder, outcomes = exported
    assert outcomes[:3] == [Outcome(0, "")] * 3
    manifest = json.loads((folder / precision / "asr/1/manifest.json").read_text())
    assert manifest["parity"]["max_difference"] <= tolerance
    assert manifest["graph"] == {"model": "moonshine", "version": 1}
    assert (manifest["family"], manifest["languages"], manifest["licence"]) == ("moonshine", ["en"], "mit")
    assert manifest["capabilities"] == {"prompt": False, "prefix": True, "hotwords": False}
    assert manifest["voice_activity"] == "vad"
    assert not (folder / precision / "language_id").exists()


def test_a_checkpoint_has_one_language(exported: tuple[Path, list[Outcome]]) -> None:
    assert exported[1][3].status == 1
    assert "is of one language, not of en, de" in exported[1][3].errors


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_belong_together_is_refused(exported: tuple[Path, list[Outcome]], wrong: str) -> None:
    number = list(WRONG).index(wrong)
    outcome = exported[1][4 + number]
    assert outcome.status == 1
    assert WRONG[wrong][1] in outcome.errors
    assert not (exported[0] / f"repository-{number}").exists()
