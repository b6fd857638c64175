"""Which rows go to an engine's graph in one call."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from docker.triton.backends.asr.recognition.graph import joined
from docker.triton.backends.asr.recognition.manifest import Manifest
from tests.docker.scripted_graph import manifest_of

LENGTHS = st.lists(st.integers(1_600, 480_000), min_size=1, max_size=16)
ALIKE = Manifest.of(manifest_of("asr") | {"precision": "int8"})


@hypothesis.given(lengths=LENGTHS)
def test_int8_rows_are_joined_each_once_with_those_that_are_about_as_long(lengths: list[int]) -> None:
    calls = joined(lengths, ALIKE)
    assert sorted(place for call in calls for place in call) == list(range(len(lengths)))
    for call in calls:
        assert len(call) * max(lengths[place] for place in call) <= 1.15 * sum(lengths[place] for place in call)


def test_a_final_does_not_make_partials_as_long_as_itself() -> None:
    assert joined([80_000, 224_000, 76_000], ALIKE) == [[1], [0, 2]]


@pytest.mark.parametrize(
    "fact",
    [
        {"precision": "fp32"},
        {"precision": "int8", "wants_padding": True},
        {"precision": "int8", "decoding": "steps", "steps": "moonshine"},
        {},
    ],
)
def test_others_are_joined_whatever_their_lengths(fact: dict[str, object]) -> None:
    assert joined([80_000, 224_000, 76_000], Manifest.of(manifest_of("asr") | fact)) == [[0, 1, 2]]
