"""Requests to `asr` and `language_id` that the real Triton refuses, with what is wrong, and serves on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from tests.docker.triton.backends.asr.test_model import HELLO, audio
from tests.recogniser import ask, number, words
from tests.triton_server import TritonAddress


def refusal(triton: TritonAddress, model: str = "asr", **inputs: Any) -> str:
    with pytest.raises(InferenceServerException) as raised:
        ask(triton, model, **inputs)
    assert raised.value.status() == "StatusCode.INVALID_ARGUMENT", raised.value
    return str(raised.value.message())


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"AUDIO": audio(HELLO, 31)}, "31.0 s), the model takes at most 30 s"),
        ({"LENGTH": number(-1)}, "LENGTH is -1, expected 0 to the 64000 samples"),
        ({"LENGTH": number(64_001)}, "LENGTH is 64001, expected 0 to the 64000 samples"),
        ({"LANGUAGE": "xx"}, "LANGUAGE 'xx' is unknown, the model knows en, es"),
        ({"TASK": "sing"}, "TASK 'sing' is unknown, the model can transcribe, translate"),
        ({"HOTWORDS": ["Zwetschge"]}, "HOTWORDS are not supported by this model"),
        ({"PREFIX": ["word"] * 10_000}, "PREFIX takes 49999 tokens, the model has room for 196"),
        ({"PREFIX": ["日本"]}, "PREFIX has letters that the model cannot spell"),
        ({"PROMPT": b"\xff\xfe"}, "PROMPT is not UTF-8"),
        ({"LANGUAGE": b"\xff"}, "LANGUAGE is not UTF-8"),
        ({"MAX_TOKENS": number(-5)}, "MAX_TOKENS is -5"),
        ({"AUDIO": audio(HELLO).astype(np.float32)}, "data-type"),
        ({"LENGTH": np.array([[9], [9]], np.int32)}, "batch size does not match"),
        ({"LENGTH": np.array([[1, 2]], np.int32)}, "LENGTH"),
        ({"LANGUAGE": ["en", "es"]}, "LANGUAGE"),
        ({"AUDIO": np.zeros((17, 1600), np.int16), "LENGTH": np.ones((17, 1), np.int32)}, "batch"),
    ],
)
def test_bad_input_is_refused_with_what_is_wrong_and_the_next_request_is_served(
    triton: TritonAddress, inputs: dict[str, Any], text: str
) -> None:
    assert text in refusal(triton, **{"AUDIO": audio(HELLO), **inputs})
    assert words(ask(triton, AUDIO=audio(HELLO))) == [" hello", " to", " you"]


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"AUDIO": audio(HELLO, 31)}, "31.0 s), the model takes at most 30 s"),
        ({"LENGTH": number(-1)}, "LENGTH is -1, expected 0 to the 64000 samples"),
        ({"LENGTH": number(2**31 - 1)}, "LENGTH is 2147483647, expected 0 to the 64000 samples"),
        ({"AUDIO": audio(HELLO).astype(np.float32)}, "data-type"),
        ({"LANGUAGE": "en"}, "LANGUAGE"),
    ],
)
def test_language_identification_refuses_the_same(triton: TritonAddress, inputs: dict[str, Any], text: str) -> None:
    assert text in refusal(triton, "language_id", **{"AUDIO": audio(HELLO), **inputs})
