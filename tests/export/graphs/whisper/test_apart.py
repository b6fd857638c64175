"""Whisper's encoder apart: as many frames as there is room for, and a form in the standard's operators alone."""

import numpy as np
import onnx
import pytest

from export.graphs.building import INT32
from export.graphs.runtime import Runner
from export.graphs.whisper import apart
from tests.export.graphs.whisper.asking import clip
from tests.export.graphs.whisper.checkpoint import SMALL, options, random_weights

WEIGHTS = random_weights(SMALL, seed=11, ctc_classes=9)
LENGTHS = np.array([[24_000], [7_000]], np.int32)


def audio(seconds: float) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.stack([np.resize(clip(1.5, seed), round(seconds * 16_000)) for seed in (1, 2)])


def test_the_plain_form_is_the_same_in_operators_that_tensorrt_knows() -> None:
    usual = Runner(apart.encoder(WEIGHTS, SMALL, options()).SerializeToString())
    model = apart.encoder(WEIGHTS, SMALL, options(), plain=True, audio_type=INT32)
    assert {node.domain for node in model.graph.node} == {""}
    kinds = {each.type.tensor_type.elem_type for each in (*model.graph.input, *model.graph.output)}
    assert kinds <= {onnx.TensorProto.INT32, onnx.TensorProto.INT64, onnx.TensorProto.FLOAT}
    sound = audio(1.5)
    found = Runner(model.SerializeToString()).run({"AUDIO": sound.astype(np.int32), "LENGTH": LENGTHS})
    for name, expected in usual.run({"AUDIO": sound, "LENGTH": LENGTHS}).items():
        np.testing.assert_allclose(found[name], expected, atol=1e-5)


@pytest.mark.parametrize("seconds", [1.5, 2.2])
def test_the_shapes_are_what_audio_has_room_for(seconds: float) -> None:
    found = Runner(apart.encoder(WEIGHTS, SMALL, options()).SerializeToString()).run(
        {"AUDIO": audio(seconds), "LENGTH": LENGTHS}
    )
    room = -(-round(seconds * 50) // 4) * 4
    assert found["MEMORY_KEY_0"].shape == (2, SMALL.decoder_heads, room, SMALL.width // SMALL.decoder_heads)
    assert found["FRAMES"].tolist() == [[75], [22]]
    assert found["MASK"].sum(axis=1).tolist() == [75, 22]


def test_what_lies_behind_a_row_changes_nothing_of_it() -> None:
    graph = Runner(apart.encoder(WEIGHTS, SMALL, options()).SerializeToString())
    short, long = (graph.run({"AUDIO": audio(seconds), "LENGTH": LENGTHS}) for seconds in (1.5, 2.9))
    for row, frames in enumerate((75, 22)):
        ours, theirs = (each["MEMORY_VALUE_1"][row, :, :frames] for each in (long, short))
        np.testing.assert_allclose(ours, theirs, atol=2e-5)
