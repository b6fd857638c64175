"""The heads say what numpy says of each clip alone, whatever lies beside and behind it."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.graphs.building import FLOAT, INT32, Graph
from export.graphs.moonshine.heads import Heads, Hearing
from export.graphs.runtime import Runner
from export.graphs.sequence.passes import Heard

Array = NDArray[Any]
LANGUAGES = ("en", "de", "es")
WIDTH, LANGUAGE_WIDTH, SPEECH_WIDTH, INNER, TAPS = 24, 10, 6, 8, 5
LENGTHS = (17, 1, 40, 6)


def arrays(members: int) -> dict[str, Array]:
    random = np.random.default_rng(2)
    linears = {"input": (WIDTH, LANGUAGE_WIDTH), "hidden": (2 * LANGUAGE_WIDTH, INNER),
               "output": (INNER, len(LANGUAGES) + 1)}  # fmt: skip
    sizes: dict[str, tuple[int, ...]] = {}
    for member in (f"language.{number}" for number in range(members)):
        for name, (inputs, outputs) in linears.items():
            sizes |= {f"{member}.{name}.weight": (outputs, inputs), f"{member}.{name}.bias": (outputs,)}
        for name in ("conv0", "conv1"):
            sizes[f"{member}.{name}.weight"] = (LANGUAGE_WIDTH, LANGUAGE_WIDTH, TAPS)
            sizes[f"{member}.{name}.bias"] = (LANGUAGE_WIDTH,)
        sizes[f"{member}.attention.weight"] = (LANGUAGE_WIDTH,)
    sizes |= {"speech.input.weight": (SPEECH_WIDTH, WIDTH), "speech.input.bias": (SPEECH_WIDTH,),
              "speech.conv.weight": (SPEECH_WIDTH, SPEECH_WIDTH, TAPS), "speech.conv.bias": (SPEECH_WIDTH,),
              "speech.output.weight": (SPEECH_WIDTH,), "speech.output.bias": (1,)}  # fmt: skip
    return {name: (0.4 * random.standard_normal(size)).astype(np.float32) for name, size in sizes.items()}


def graph(heads: Heads) -> Runner:
    built = Graph("heads")
    frames = built.input("FRAMES", FLOAT, ["batch", "frames", WIDTH])
    mask = built.input("MASK", INT32, ["batch", "frames"])
    hearing = Hearing.of(built, heads, Heard(frames, (), mask))
    built.output("LANGUAGE", hearing.languages(), FLOAT, ["batch", len(LANGUAGES)])
    built.output("NO_SPEECH", hearing.no_speech(), FLOAT, ["batch", 1])
    return Runner(built.model().SerializeToString())


def convolved(value: Array, given: dict[str, Array], name: str, dilation: int) -> Array:
    padded = np.pad(value, ((2 * dilation, 2 * dilation), (0, 0)))
    seen = [
        sum(given[f"{name}.weight"][:, :, tap] @ padded[at + tap * dilation] for tap in range(TAPS))
        for at in range(len(value))
    ]
    return np.asarray(value + np.maximum(np.stack(seen) + given[f"{name}.bias"], 0))


def rectified(frames: Array, given: dict[str, Array], name: str) -> Array:
    return np.asarray(np.maximum(frames @ given[f"{name}.weight"].T + given[f"{name}.bias"], 0))


def language(frames: Array, given: dict[str, Array], members: int) -> Array:
    logits = []
    for member in (f"language.{number}" for number in range(members)):
        hidden = rectified(frames, given, f"{member}.input")
        hidden = convolved(convolved(hidden, given, f"{member}.conv0", 1), given, f"{member}.conv1", 2)
        shares = np.exp(hidden @ given[f"{member}.attention.weight"])
        shares = (shares / shares.sum())[:, None]
        mean = (shares * hidden).sum(0)
        deviation = np.sqrt(np.maximum((shares * hidden**2).sum(0) - mean**2, 1e-5))
        known = rectified(np.concatenate([mean, deviation]), given, f"{member}.hidden")
        logits.append(known @ given[f"{member}.output.weight"].T + given[f"{member}.output.bias"])
    powers = np.exp(np.mean(logits, axis=0))
    return np.asarray((powers / powers.sum())[:-1])


def no_speech(frames: Array, given: dict[str, Array]) -> float:
    hidden = convolved(rectified(frames, given, "speech.input"), given, "speech.conv", 1)
    score = (hidden @ given["speech.output.weight"] + given["speech.output.bias"]).max()
    return float(1 - 1 / (1 + np.exp(-score)))


@pytest.mark.parametrize("members", [1, 3])
def test_each_row_of_a_batch_is_what_the_clip_is_alone(members: int) -> None:
    given = arrays(members)
    frames = np.random.default_rng(5).standard_normal((len(LENGTHS), max(LENGTHS) + 3, WIDTH)).astype(np.float32)
    mask = (np.arange(frames.shape[1]) < np.array(LENGTHS)[:, None]).astype(np.int32)
    found = graph(Heads(given, LANGUAGES)).run({"FRAMES": frames, "MASK": mask})
    for row, length in enumerate(LENGTHS):
        own = frames[row, :length].astype(np.float64)
        np.testing.assert_allclose(found["LANGUAGE"][row], language(own, given, members), atol=1e-5)
        np.testing.assert_allclose(found["NO_SPEECH"][row], no_speech(own, given), atol=1e-5)
    assert found["LANGUAGE"].sum(axis=1).min() < 0.99
    assert np.ptp(found["NO_SPEECH"]) > 0.01
