"""A recogniser with several engines, as the service knows it."""

import json
from typing import Any

import numpy as np
import pytest

from frontend.errors import ClientError, UnavailableError
from frontend.speech import ASR, LANGUAGE_ID, RATE, Decoding
from frontend.triton.inference import Inference
from frontend.triton.tensors import Arrays
from tests.frontend.triton.test_service_recognition import ScriptedTriton, good, quiet, shared


def engine(model: str, languages: list[str], max_seconds: float) -> dict[str, Any]:
    graph = {"model": model, "version": 1}
    return {"graph": graph, "languages": languages, "tasks": ["transcribe"], "limits": {"max_seconds": max_seconds}}


MANIFEST = {
    "model": "asr",
    "identity": "22",
    "languages": ["en", "de"],
    "tasks": ["transcribe", "translate"],
    "limits": {"max_seconds": 10},
    "engines": [engine("one", ["en"], 10), {**engine("two", ["de"], 20), "tasks": ["transcribe", "translate"]}],
}


class TwoEngines(ScriptedTriton):
    """The one of a language that a test names does not answer."""

    broken = ""

    async def attempt(self, inference: Inference, timeout_seconds: float, address: str) -> Arrays:
        language = inference.inputs.get("LANGUAGE", np.array([[b""]]))[0, 0].decode()
        if self.broken and language == self.broken:
            raise UnavailableError(f"{language} is out of order")
        return await super().attempt(inference, timeout_seconds, address)


def two() -> TwoEngines:
    return TwoEngines({**good(), "MANIFEST": np.array([[json.dumps(MANIFEST).encode()]], object)})


async def test_readiness_asks_each_engine_by_a_language_of_its_own() -> None:
    triton = two()
    readiness = await shared(triton).ready()
    assert readiness.ready
    assert readiness.engines == {"one 1": None, "two 1": None}
    asked = [each.inputs["LANGUAGE"][0, 0] for each in triton.asked if each.model == ASR]
    assert sorted(asked) == [b"", b"de", b"en"]


async def test_an_engine_that_does_not_answer_makes_the_whole_not_ready_and_is_named() -> None:
    triton = two()
    triton.broken = "de"
    readiness = await shared(triton).ready()
    assert not readiness.ready
    assert readiness.errors == {ASR.name: None, LANGUAGE_ID.name: None}
    assert readiness.engines == {"one 1": None, "two 1": "de is out of order"}


@pytest.mark.parametrize(
    ("seconds", "decoding", "told"),
    [
        (11, Decoding("en"), "takes 10 s at once"),
        (11, Decoding(), "takes 10 s at once"),
        (1, Decoding("en", "translate"), "the model asr does not translate the language en"),
    ],
)
async def test_each_engine_has_limits_of_its_own(seconds: float, decoding: Decoding, told: str) -> None:
    triton = two()
    speech = shared(triton)
    assert (await speech.ready()).ready
    with pytest.raises(ClientError, match=told):
        await speech.asked_by("cafe").transcribe(quiet(seconds), decoding)
    for fine in (Decoding("de"), Decoding("de", "translate")):
        assert (await speech.asked_by("cafe").transcribe(np.zeros(11 * RATE, np.int16), fine)).text


async def test_what_languages_lack_to_one_is_that_it_is_another() -> None:
    triton = ScriptedTriton({"PROBABILITY": np.array([[0.25, 0.125]], np.float32)})
    assert (await shared(triton).asked_by("cafe").detect_language(quiet())).likeliest == ("en", 0.25)
