"""What is wrong with a checkpoint is one line that names it, and nothing is published."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.export.publishing.published.conftest import Outcome, export_all, order

pytestmark = pytest.mark.timeout(600)  # PyTorch is imported, and weights are exported, before the first

Spoil = Callable[[Path], object]
WEIGHTS, SETTINGS = "model.safetensors", "generation_config.json"


@dataclass(frozen=True)
class Case:
    kind: str
    spoil: Spoil
    message: str
    options: tuple[str, ...] = ()


def change(name: str, **facts: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        content = {**json.loads((folder / name).read_text()), **facts}
        (folder / name).write_text(json.dumps(content))

    return spoil


def without(name: str, fact: str) -> Spoil:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        del content[fact]
        (folder / name).write_text(json.dumps(content))

    return spoil


def replace(name: str, found: bytes, by: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        content = (folder / name).read_bytes()
        assert found in content
        (folder / name).write_bytes(content.replace(found, by))

    return spoil


def cut(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-1000])


def end_with_nan(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-4] + b"\xff\xff\xff\xff")


def remove(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def shift_tokens(folder: Path) -> None:
    """What happens with the tokenizer of another size of vocabulary: each special token is one place further."""
    content = json.loads((folder / "tokenizer.json").read_text())
    for token in content["added_tokens"]:
        token["id"] += 1
    content["model"]["vocab"]["one more"] = content["added_tokens"][0]["id"] - 1
    (folder / "tokenizer.json").write_text(json.dumps(content))


def without_settings_and_twisted(folder: Path) -> None:
    (folder / SETTINGS).unlink()
    change("config.json", decoder_start_token_id=7)(folder)


def nothing(_folder: Path) -> None:
    """The checkpoint is right, what is asked of it is not."""


CASES = {
    "another architecture": Case("multilingual", change("config.json", model_type="bert"), "is 'bert', not one of"),
    "no configuration": Case("multilingual", remove("config.json"), "has no config.json"),
    "a broken configuration": Case("multilingual", replace("config.json", b"{", b""), "is not JSON"),
    "a configuration without a size": Case(
        "multilingual",
        without("config.json", "d_model"),
        "config.json is not one of a Whisper model: KeyError('d_model')",
    ),
    "no weights": Case("multilingual", remove(WEIGHTS), "has no weights"),
    "cut weights": Case("multilingual", cut, "is truncated or damaged"),
    "weights that are not finite": Case("multilingual", end_with_nan, "values that are not finite"),
    "a missing parameter": Case(
        "multilingual", replace(WEIGHTS, b"encoder.conv1.bias", b"encoder.conv9.bias"), "lacks model.encoder.conv1.bias"
    ),
    "surplus parameters": Case(
        "multilingual", change("config.json", encoder_layers=1), "parameters that its configuration does not explain"
    ),
    "another width": Case("multilingual", change("config.json", encoder_ffn_dim=64), "its config.json says"),
    "a missing shard": Case("mels128", lambda folder: min(folder.glob("model-*")).unlink(), "lacks model-00001"),
    "a tokenizer with more tokens": Case("multilingual", shift_tokens, "is not this checkpoint's"),
    "an embedding with more rows": Case("ctc-group", change("vocab.json", extra=32), "is not this checkpoint's"),
    "other ids in the settings": Case("multilingual", change(SETTINGS, eos_token_id=5), "but 5 in the settings"),
    "languages elsewhere": Case(
        "multilingual", change(SETTINGS, lang_to_id={"<|de|>": 3}), "<|de|> is 265 there, but 3 in the settings"
    ),
    "no settings, and tokens elsewhere": Case("multilingual", without_settings_and_twisted, "but 7 in the settings"),
    "no tokenizer": Case("multilingual", remove("tokenizer.json"), "has no tokenizer"),
    "no letters": Case("ctc-group", remove("vocab.json"), "has no vocab.json"),
    "a language it has not": Case("multilingual", nothing, "do not know fr; they know en", ("--languages", "fr")),
    "adapters, and none chosen": Case("ctc-adapters", nothing, "an adapter for each language"),
    "an adapter that it has not": Case("ctc-adapters", nothing, "no letters for fra", ("--languages", "fra")),
    "two adapters at once": Case("ctc-adapters", nothing, "speaks one language", ("--languages", "eng,deu")),
    "turned positions for TensorRT": Case("moonshine", nothing, "turns positions", ("--target", "tensorrt")),
    "frames step by step": Case("ctc-group", nothing, "a letter for every frame", ("--decoding", "steps")),
    "no trtexec": Case("ctc-group", nothing, "trtexec is not here", ("--target", "tensorrt")),
}


@pytest.fixture(scope="module")
def outcomes(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Outcome, Path]]:
    folder = tmp_path_factory.mktemp("spoilt")
    orders, repositories = [], []
    for number, case in enumerate(CASES.values()):
        source = Path(shutil.copytree(checkpoints / case.kind, folder / str(number)))
        case.spoil(source)
        repositories.append(folder / f"repository-{number}")
        orders.append(order(source, repositories[-1], *case.options))
    found = zip(export_all(orders, {"PATH": "/usr/bin:/bin"}), repositories, strict=True)
    return dict(zip(CASES, found, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_one_line_and_nothing_is_published(
    outcomes: dict[str, tuple[Outcome, Path]], name: str
) -> None:
    outcome, repository = outcomes[name]
    assert outcome.status == 1
    assert CASES[name].message in outcome.errors
    assert outcome.errors.startswith("export: ")
    assert outcome.errors.count("\n") == 1
    assert not [path for path in repository.rglob("*") if path.is_file()]
