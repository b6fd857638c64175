"""The committed recogniser: its files belong together, and its report speaks of these weights."""

import hashlib
import json
import struct
from typing import Any

import pytest

from export.training.alphabet import ALPHABET, LANGUAGES, TOKEN_IDS, TOKENS
from export.training.report import markdown
from export.training.voices import GROUPS
from tests.triton_server import ROOT

FOLDER = ROOT / "export/bundled"


def content(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def tensors() -> dict[str, Any]:
    """The header of the safetensors file."""
    with (FOLDER / "model.safetensors").open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return {name: tensor for name, tensor in header.items() if name != "__metadata__"}


def test_the_manifest_names_these_weights() -> None:
    weights = (FOLDER / "model.safetensors").read_bytes()
    assert content("manifest.json")["sha256"] == {"model.safetensors": hashlib.sha256(weights).hexdigest()}
    assert len(weights) < 8 << 20


def test_the_vocabulary_is_the_recipes() -> None:
    vocabulary = content("vocabulary.json")
    assert vocabulary == {"tokens": list(TOKENS), "ctc": ["<blank>", *ALPHABET], "languages": list(LANGUAGES)}


def test_the_configurations_ids_are_the_vocabularys() -> None:
    generation, config = content("generation_config.json"), content("config.json")
    assert generation["lang_to_id"] == {f"<|{language}|>": TOKEN_IDS[f"<|{language}|>"] for language in LANGUAGES}
    assert config["decoder_start_token_id"] == TOKEN_IDS["<|startoftranscript|>"]
    assert config["eos_token_id"] == generation["eos_token_id"] == TOKEN_IDS["<|endoftext|>"]


def test_the_weights_have_the_shapes_of_the_configuration() -> None:
    config, shapes = content("config.json"), {name: tensor["shape"] for name, tensor in tensors().items()}
    width = config["d_model"]
    assert {tensor["dtype"] for tensor in tensors().values()} == {"F16"}
    assert shapes["model.encoder.conv1.weight"] == [width, config["num_mel_bins"], 3]
    assert shapes["model.encoder.embed_positions.weight"] == [config["max_source_positions"], width]
    assert shapes["model.decoder.embed_positions.weight"] == [config["max_target_positions"], width]
    assert shapes["model.decoder.embed_tokens.weight"] == [len(TOKENS), width]
    assert shapes["ctc_head.weight"] == [len(ALPHABET) + 1, width]
    for part in ("encoder", "decoder"):
        layers = {name.split(".")[3] for name in shapes if name.startswith(f"model.{part}.layers.")}
        assert len(layers) == config[f"{part}_layers"]


def test_the_report_judges_these_weights_and_every_group_of_voices() -> None:
    report = content("report.json")
    assert {"model.safetensors": report["weights_sha256"]} == content("manifest.json")["sha256"]
    named = {"espeak": "texts", "unseen": "voices"}
    assert {named.get(group, group) for group in GROUPS} - {"trained"} <= set(report["splits"])


def test_the_page_is_the_reports() -> None:
    assert (FOLDER / "REPORT.md").read_text(encoding="utf-8") == markdown(content("report.json"))


@pytest.mark.parametrize("key", ["languages", "tasks", "longest_seconds", "wants_padding", "precision", "training"])
def test_the_manifest_says_what_an_exporter_needs(key: str) -> None:
    assert key in content("manifest.json")
