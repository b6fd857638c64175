"""The wheel's Moonshine says what PyTorch made of the same weights."""

from pathlib import Path

import numpy as np
import pytest

from export.graphs.moonshine.graph import build
from export.parity.bundled import load
from export.parity.moonshine import GOLDEN, measure
from export.publishing.families.order import BATCH_TOLERANCES
from export.publishing.recipes import MOONSHINE
from export.sources.moonshine_wheel import DECODER, OPTIONS, SHA256, SHAPE, MoonshineWheel


def test_the_graph_says_what_pytorch_says() -> None:
    path = MOONSHINE.source.locate()
    graph = build(MoonshineWheel(path.parent).weights, SHAPE, OPTIONS).SerializeToString()
    parity = measure(graph, path)
    assert parity["max_difference"] <= 1e-4
    assert parity["batched_to_single"] <= 1e-4


@pytest.mark.timeout(300)  # the first of a process exports all models
def test_the_published_graph_is_the_same_in_int8(repository: Path) -> None:
    content = (repository / "moonshine/1/model.onnx").read_bytes()
    assert len(content) < 40_000_000
    parity = measure(content, MOONSHINE.source.locate())
    assert parity["max_difference"] <= MOONSHINE.tolerance
    assert parity["batched_to_single"] <= BATCH_TOLERANCES["int8"]  # beside prompts of other lengths


def test_the_golden_clips_hold_speech_that_was_understood() -> None:
    golden = load(GOLDEN, SHA256[DECODER])
    assert sorted(len(tokens) for tokens in golden["tokens"])[1] > 10
    assert all(tokens[0] == 1 and tokens[-1] == 2 for tokens in golden["tokens"])
    assert all(np.exp(scores.mean()) > 0.3 for scores in golden["scores"])
