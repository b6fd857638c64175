"""The bundled weights: as PyTorch made them, refused when they are not, spelled letter by letter."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.failure import ExportError
from export.graphs.whisper.graph import build
from export.parity.bundled import load, measure
from export.publishing import bundled as publishing
from export.publishing.recipes import BUNDLED, BUNDLED_FOLDER
from export.sources.bundled import Bundle
from export.sources.safetensors import read_arrays


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled checkpoint that the export reads instead."""
    copy = shutil.copytree(BUNDLED_FOLDER, tmp_path / "bundled")
    monkeypatch.setattr(publishing, "BUNDLED_FOLDER", copy)
    return copy


def test_the_graph_says_what_pytorch_said_when_the_weights_were_made() -> None:
    bundle = Bundle(BUNDLED_FOLDER)
    model = build(bundle.weights, bundle.shape, bundle.options).SerializeToString()
    parity = measure(model, bundle.folder, bundle.weights_sha256)
    assert parity["max_difference"] <= 1e-4
    assert parity["batched_to_single"] <= 1e-5


def test_the_golden_clips_hold_speech_that_was_understood() -> None:
    bundle = Bundle(BUNDLED_FOLDER)
    golden = load(bundle.folder / "golden.npz", bundle.weights_sha256)
    assert len(golden["samples"]) >= 3
    assert all(len(tokens) > 8 and tokens[-1] == bundle.tokens.end for tokens in golden["tokens"])


def test_a_changed_weight_is_found_by_its_hash_and_by_what_it_says(folder: Path, tmp_path: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-2000] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"is not the file of manifest\.json beside it"):
        publishing.make(BUNDLED["whisper"], tmp_path)
    bundle = Bundle(BUNDLED_FOLDER)
    weights = {**bundle.weights, "ctc_head.bias": bundle.weights["ctc_head.bias"] + np.float32(0.01)}
    weights["ctc_head.bias"][5] += 0.01
    model = build(weights, bundle.shape, bundle.options).SerializeToString()
    assert measure(model, bundle.folder, bundle.weights_sha256)["max_difference"] > 1e-3


def test_truncated_weights_are_refused_in_one_line(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ExportError, match=r"model\.safetensors cannot be read as safetensors: "):
        read_arrays(path)


@pytest.mark.parametrize("content", [b"", b"\x08", b"\xff" * 64, (2).to_bytes(8, "little") + b"[]"])
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ExportError, match="cannot be read as safetensors"):
        read_arrays(tmp_path / "x")


def test_golden_answers_of_other_weights_are_no_reference(folder: Path) -> None:
    with pytest.raises(ExportError, match=r"python -m export\.whisper\.golden"):
        load(folder / "golden.npz", "0" * 64)
    (folder / "golden.npz").unlink()
    with pytest.raises(ExportError, match=r"golden\.npz is missing"):
        load(folder / "golden.npz", "0" * 64)


def test_a_calibration_goes_into_the_manifest_and_one_of_other_weights_is_refused(folder: Path) -> None:
    measured = {"sha256": Bundle(folder).weights_sha256, "word_offset_seconds": 0.034, "language_temperature": 1.5}
    (folder / "calibration.json").write_text(json.dumps(measured))
    recogniser = Bundle(folder).recogniser("recipe", {})
    assert (recogniser.word_offset_seconds, recogniser.language_temperature) == (0.034, 1.5)
    (folder / "calibration.json").write_text(json.dumps({**measured, "sha256": "0" * 64}))
    with pytest.raises(ExportError, match="is of other weights"):
        Bundle(folder).recogniser("recipe", {})


def test_the_tokenizer_spells_and_reads_every_letter_back() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    bundle = Bundle(BUNDLED_FOLDER)
    tokenizer = tokenizers.Tokenizer.from_str(bundle.recogniser("recipe", {}).tokenizer)
    letters = "".join(token for token in bundle.vocabulary if len(token) == 1)
    assert tokenizer.encode(letters).ids == list(range(len(letters)))
    assert tokenizer.decode(tokenizer.encode(f"  {letters} ").ids) == f"  {letters} "
    assert tokenizer.encode("<|startoftranscript|><|bg|>а").tokens == ["<|startoftranscript|>", "<|bg|>", "а"]
    assert tokenizer.encode("aЖ!b").tokens == ["a", "b"]
