"""The batched VAD graph: as the published model, row by row, whatever the rows beside it and the padding behind it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from export.failure import ExportError
from export.graphs import vad as graph
from export.graphs.runtime import Runner
from export.parity.vad import measure, speechlike
from export.publishing.recipes import RECIPES
from tests.export.conftest import fresh_vad_inputs


def test_it_says_what_the_published_model_says(repository: Path) -> None:
    model = (repository / "vad/1/model.onnx").read_bytes()
    parity = measure(model, RECIPES["vad"].source.locate())
    assert parity["max_difference"] <= 1e-5
    assert parity["max_cell_difference"] <= 1e-4  # of cells that grow to tens
    # The comparison saw silence and speech; else it would prove little.
    assert parity["lowest_probability"] < 0.1
    assert parity["highest_probability"] > 0.9


def test_rows_of_different_window_counts_in_one_batch_are_exact(vad: Runner, random: np.random.Generator) -> None:
    counts = [1, 16, 3, 7]
    audio = speechlike(random, (4, 16))
    together = vad.run(fresh_vad_inputs(audio, counts))
    for row, count in enumerate(counts):
        alone = vad.run(fresh_vad_inputs(audio[row : row + 1, : count * 512], [count]))
        np.testing.assert_allclose(together["PROBABILITY"][row, :count], alone["PROBABILITY"][0], atol=1e-6)
        np.testing.assert_allclose(together["NEXT_STATE"][row], alone["NEXT_STATE"][0], atol=1e-6)
        np.testing.assert_array_equal(together["NEXT_CONTEXT"][row], alone["NEXT_CONTEXT"][0])
        assert not together["PROBABILITY"][row, count:].any()


def test_a_row_of_a_full_batch_gets_what_it_gets_alone_call_after_call(
    vad: Runner, random: np.random.Generator
) -> None:
    rows, calls = 64, 3
    audio = speechlike(random, (rows, 4 * calls))
    counts = [int(each) for each in random.integers(1, 5, rows)]
    together = answers(vad, audio, counts)
    for row in (0, 1, rows - 1):
        alone = answers(vad, audio[row : row + 1], counts[row : row + 1])
        for ours, expected in zip(together, alone, strict=True):
            for name in ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE"):
                np.testing.assert_allclose(ours[name][row], expected[name][0], atol=1e-6)


def answers(vad: Runner, audio: NDArray[np.int16], counts: list[int]) -> list[dict[str, NDArray[Any]]]:
    """Of one call after the other, four windows long each, as streams that go on."""
    inputs = dict(fresh_vad_inputs(audio, counts))
    found = []
    for start in range(0, audio.shape[1], 2048):
        found.append(vad.run({**inputs, "AUDIO": audio[:, start : start + 2048]}))
        inputs |= {"CONTEXT": found[-1]["NEXT_CONTEXT"], "STATE": found[-1]["NEXT_STATE"]}
    return found


def test_what_lies_beyond_the_windows_changes_nothing(vad: Runner, random: np.random.Generator) -> None:
    audio = speechlike(random, (1, 4))
    zeros, noise = audio.copy(), audio.copy()
    zeros[:, 1024:] = 0
    noise[:, 1024:] = random.integers(-32768, 32767, 1024)
    first, second = (vad.run(fresh_vad_inputs(padded, [2])) for padded in (zeros, noise))
    for name in ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE"):
        np.testing.assert_array_equal(first[name], second[name])


def test_the_next_context_is_the_end_of_each_rows_own_last_window(vad: Runner, random: np.random.Generator) -> None:
    audio = speechlike(random, (2, 4))
    found = vad.run(fresh_vad_inputs(audio, [2, 4]))["NEXT_CONTEXT"]
    np.testing.assert_array_equal(found[0], audio[0, 1024 - 64 : 1024].astype(np.float32) / 32768)
    np.testing.assert_array_equal(found[1], audio[1, 2048 - 64 :].astype(np.float32) / 32768)


@pytest.mark.parametrize(("asked", "taken"), [(0, 1), (-5, 1), (-(2**31), 1), (5, 4), (2**31 - 1, 4)])
def test_a_wrong_window_count_is_clamped_and_its_neighbour_unharmed(
    vad: Runner, random: np.random.Generator, asked: int, taken: int
) -> None:
    audio = speechlike(random, (2, 4))
    wrong, right = (vad.run(fresh_vad_inputs(audio, [count, 3])) for count in (asked, taken))
    for name in ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE"):
        np.testing.assert_array_equal(wrong[name], right[name])


def test_a_warm_up_of_zeros_gives_finite_numbers(vad: Runner) -> None:
    found = vad.run(fresh_vad_inputs(np.zeros((3, 2048), np.int16), [0, 0, 0]))
    assert found["PROBABILITY"].shape == (3, 4)
    assert all(np.isfinite(found[name]).all() for name in ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE"))


def test_its_declared_shapes_are_those_that_are_inferred(repository: Path) -> None:
    """NVIDIA's own backend compares them at load: what is fixed must be declared so, and nothing else may be."""
    model = onnx.load(repository / "vad/1/model.onnx")
    declared = [fixed_sizes(value) for value in model.graph.output]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    assert [fixed_sizes(value) for value in inferred.graph.output] == declared


def fixed_sizes(value: onnx.ValueInfoProto) -> list[int | None]:
    dimensions = value.type.tensor_type.shape.dim
    return [each.dim_value if each.HasField("dim_value") else None for each in dimensions]


def test_weights_with_another_spectrum_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    path = RECIPES["vad"].source.locate()
    weights = graph.load(path)
    basis = weights["stft.forward_basis_buffer"].copy()
    basis[3, 0, 100] += 1e-3
    monkeypatch.setattr(graph, "load", lambda path: weights | {"stft.forward_basis_buffer": basis})
    with pytest.raises(ExportError, match="basis of the spectrum"):
        graph.build(path)
