"""The bundled weights: refused when they are not what they were, spelled letter by letter."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.failure import ExportError
from export.graphs.whisper.graph import build
from export.parity.bundled import measure
from export.publishing import bundled as publishing
from export.publishing.recipes import BUNDLED, BUNDLED_FOLDER
from export.sources.bundled import Bundle


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled checkpoint that the export reads instead."""
    copy = shutil.copytree(BUNDLED_FOLDER, tmp_path / "bundled")
    monkeypatch.setattr(publishing, "BUNDLED_FOLDER", copy)
    return copy


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
