"""The wheel's Moonshine says what PyTorch made of the same weights."""

from pathlib import Path

import numpy as np
import pytest

from export.parity.bundled import load
from export.parity.moonshine import GOLDEN, measure
from export.publishing.recipes import MOONSHINE
from export.sources.moonshine_wheel import DECODER, SHA256


@pytest.mark.timeout(300)  # the first of a process exports all models
def test_the_published_graph_says_what_pytorch_says(repository: Path) -> None:
    parity = measure((repository / "moonshine/1/model.onnx").read_bytes(), MOONSHINE.source.locate())
    assert parity["max_difference"] <= 1e-4
    assert parity["batched_to_single"] <= 1e-4


def test_the_golden_clips_hold_speech_that_was_understood() -> None:
    golden = load(GOLDEN, SHA256[DECODER])
    assert sorted(len(tokens) for tokens in golden["tokens"])[1] > 10
    assert all(tokens[0] == 1 and tokens[-1] == 2 for tokens in golden["tokens"])
    assert all(np.exp(scores.mean()) > 0.3 for scores in golden["scores"])
