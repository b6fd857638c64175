"""A recogniser in two graphs says what the same one says in its Loop, whoever lies beside and leaves before."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from docker.triton.backends.asr.decoding.device import Device
from docker.triton.backends.asr.decoding.steps import Steps
from export.graphs.moonshine import apart as moonshine_apart
from export.graphs.moonshine import graph as moonshine_graph
from export.graphs.runtime import Runner
from export.graphs.sequence.apart import Apart
from export.graphs.sequence.options import Precision
from export.graphs.whisper import apart as whisper_apart
from export.graphs.whisper import graph as whisper_graph
from tests.export.graphs.moonshine import checkpoint as moonshine
from tests.export.graphs.moonshine.test_graph import ASKS as MOONSHINE_ASKS
from tests.export.graphs.whisper import checkpoint as whisper
from tests.export.graphs.whisper.asking import Ask, clip, inputs
from tests.export.graphs.whisper.test_graph_batch import ASKS as WHISPER_ASKS

OUTPUTS = ("TOKEN", "LOG_PROBABILITY", "PROMPT_LOG_PROBABILITY", "LANGUAGE", "NO_SPEECH", "ALIGNMENT")
FAMILIES = ("whisper", "whisper with a CTC head", "moonshine")
TOLERANCES = {"fp32": 1e-5, "fp16": 3e-2, "int8": 3e-2}
# As the second, but with rows and seconds filled up as on a GPU, where memory stays from call to call.
DEVICES = {"as it comes": Device(), "sized": Device(sized=True)}
Answer = dict[str, NDArray[Any]]


def asks(family: str) -> tuple[Ask, ...]:
    return MOONSHINE_ASKS if family == "moonshine" else WHISPER_ASKS


def graphs(family: str, precision: Precision, **changes: Any) -> tuple[Apart, onnx.ModelProto]:
    """In two, and with the Loop."""
    if family == "moonshine":
        options, shape = moonshine.options(precision, **changes), moonshine.SMALL
        weights = moonshine.random_weights(shape, seed=11)
        return moonshine_apart.build(weights, shape, options), moonshine_graph.build(weights, shape, options)
    whole, size = whisper.options(precision, **changes), whisper.SMALL
    arrays = whisper.random_weights(size, seed=11, ctc_classes=9 if "CTC" in family else 0)
    return whisper_apart.build(arrays, size, whole), whisper_graph.build(arrays, size, whole)


def driven(apart: Apart, device: Device) -> Steps:
    with TemporaryDirectory() as folder:
        for name, graph in apart.files.items():
            onnx.save_model(graph, Path(folder) / name)
        return Steps(Path(folder), device)


@cache
def built(family: str, precision: Precision) -> tuple[Apart, Runner]:
    apart, loop = graphs(family, precision)
    return apart, Runner(loop.SerializeToString())


@cache
def both(family: str, device: str, precision: Precision) -> tuple[Steps, Runner]:
    apart, loop = built(family, precision)
    return driven(apart, DEVICES[device]), loop


def own(answer: Answer, row: int, ask: Ask) -> Iterator[NDArray[Any]]:
    """What a row says, without what fills it up; the places of the longest prompt lie before the tokens."""
    end = np.flatnonzero(answer["LOG_PROBABILITY"][row] == 0)
    count = int(end[0]) if len(end) else answer["TOKEN"].shape[1]
    yield answer["LOG_PROBABILITY"][row, :count]
    yield answer["PROMPT_LOG_PROBABILITY"][row, : len(ask.prompt)]
    yield from (answer[name][row] for name in ("LANGUAGE", "NO_SPEECH"))


def looks(family: str, answer: Answer, row: int, said: tuple[Ask, int]) -> NDArray[Any]:
    """While what is a row's own was put in; of a CTC head all classes."""
    ask, count = said
    found: NDArray[Any] = answer["ALIGNMENT"][row]
    places = answer["PROMPT_LOG_PROBABILITY"].shape[1]
    if "CTC" in family:
        return found
    return np.concatenate([found[:, : len(ask.prompt)], found[:, places : places + max(0, count - 1)]], axis=1)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_says_what_the_loop_says(family: str, precision: Precision, device: str) -> None:
    steps, loop = both(family, device, precision)
    asked = inputs(asks(family))
    found, expected = steps.answer(asked, OUTPUTS), loop.run(asked, *OUTPUTS)
    assert found["TOKEN"].tolist() == expected["TOKEN"].tolist()
    for name in OUTPUTS:
        assert found[name].dtype == expected[name].dtype
        assert found[name].shape == expected[name].shape or (name == "ALIGNMENT" and device == "sized")
    for row, ask in enumerate(asks(family)):
        for ours, theirs in zip(own(found, row, ask), own(expected, row, ask), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=TOLERANCES[precision])
        count = int((expected["LOG_PROBABILITY"][row] != 0).sum())
        ours, theirs = (looks(family, each, row, (ask, count)) for each in (found, expected))
        np.testing.assert_allclose(ours[: len(theirs)], theirs, atol=TOLERANCES[precision])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_gives_what_it_gives_alone(family: str, device: str) -> None:
    """Rows end at different times, so seats are given up on the way."""
    steps, _loop = both(family, device, "fp32")
    together = steps.answer(inputs(asks(family), spare=777), OUTPUTS)
    for row, ask in enumerate(asks(family)):
        alone = steps.answer(inputs([ask]), OUTPUTS)
        count = alone["TOKEN"].shape[1]
        assert together["TOKEN"][row, :count].tolist() == alone["TOKEN"][0].tolist()
        for ours, theirs in zip(own(together, row, ask), own(alone, 0, ask), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=TOLERANCES["fp32"])
        ours, theirs = looks(family, together, row, (ask, count)), looks(family, alone, 0, (ask, count))
        shared = min(len(ours), len(theirs))
        np.testing.assert_allclose(ours[:shared], theirs[:shared], atol=TOLERANCES["fp32"])


def test_memory_that_was_used_before_is_not_heard_again() -> None:
    steps, loop = both("whisper", "sized", "fp32")
    loud, other = (inputs([Ask(clip(2.5, seed), max_tokens=30)] * 3) for seed in (21, 22))
    steps.answer(loud, OUTPUTS)
    assert steps.answer(other, OUTPUTS)["TOKEN"].tolist() == loop.run(other, "TOKEN")["TOKEN"].tolist()


def test_only_what_is_asked_for_is_answered() -> None:
    steps, _loop = both("whisper", "as it comes", "fp32")
    assert set(steps.answer(inputs([Ask(clip(1.0), max_tokens=0)]), ["LANGUAGE"])) == {"LANGUAGE"}


def test_what_may_not_come_first_does_not_unless_the_client_began() -> None:
    apart, model = graphs("whisper", "fp32", suppressed_at_first=tuple(range(0, 50, 2)))
    steps, loop = driven(apart, Device()), Runner(model.SerializeToString())
    asked = inputs([Ask(clip(1.5, 5)), Ask(clip(1.5, 5), [*whisper.PROMPT, 7, 8])])
    assert steps.answer(asked, ["TOKEN"])["TOKEN"].tolist() == loop.run(asked, "TOKEN")["TOKEN"].tolist()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("LENGTH", -5), ("LENGTH", 2**31 - 1), ("PROMPT_LENGTH", 0), ("PROMPT_LENGTH", 900), ("MAX_TOKENS", -1),
     ("MAX_TOKENS", 10_000), ("PROMPT", 5000), ("PROMPT", -7)],
)  # fmt: skip
def test_a_wrong_number_counts_as_the_loop_counts_it(name: str, wrong: int) -> None:
    steps, loop = both("whisper", "as it comes", "fp32")
    asked = inputs(WHISPER_ASKS[:3])
    values = asked[name].copy()
    values[0, -1 if name == "PROMPT" else 0] = wrong
    asked = {**asked, name: values}
    found, expected = steps.answer(asked, OUTPUTS), loop.run(asked, *OUTPUTS)
    assert found["TOKEN"].tolist() == expected["TOKEN"].tolist()
    np.testing.assert_allclose(found["LANGUAGE"], expected["LANGUAGE"], atol=1e-5)
