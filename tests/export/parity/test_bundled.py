"""The bundled recogniser says what PyTorch made of the same weights."""

import shutil
from pathlib import Path

import pytest

from export.failure import ExportError
from export.graphs.whisper.graph import build
from export.parity.bundled import load, measure
from export.publishing.recipes import BUNDLED_FOLDER
from export.sources.bundled import Bundle


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


def test_golden_answers_of_other_weights_are_no_reference(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(BUNDLED_FOLDER, tmp_path / "bundled"))
    with pytest.raises(ExportError, match=r"python -m export\.parity\.golden"):
        load(folder / "golden.npz", "0" * 64)
    (folder / "golden.npz").unlink()
    with pytest.raises(ExportError, match=r"golden\.npz is missing"):
        load(folder / "golden.npz", "0" * 64)
