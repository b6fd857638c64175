"""In every live dialect a final is marked so, told once and never changed: together they are what was said."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.bench.dialect_clients import CHUNK_SAMPLES, DIALECTS, Content, Dialect
from tests.gateway.test_openai import WORDS, plain, spoken_apart
from tests.gateway_server import GatewayAddress


def _of_live(told: Content) -> str:
    assert ("result" in told) != ("partial" in told) or "id" in told
    return str(told["text"]) if "result" in told else ""


def _of_vosk(told: Content) -> str:
    assert ("text" in told) != ("partial" in told)
    return str(told.get("text", ""))


def _of_deepgram(told: Content) -> str:
    assert ("is_final" in told) == (told["type"] == "Results")
    return str(told["channel"]["alternatives"][0]["transcript"]) if told.get("is_final") else ""


def _of_realtime(told: Content) -> str:
    return str(told["delta"]) if told["type"].endswith("transcription.delta") else ""


def _of_wyoming(told: Content) -> str:
    return str(told["text"]) if told["type"] == "transcript" else ""


# What is forced is the end of the connection, and others' finals may come before.
ENDING = ("live", "Vosk")
FINAL_TEXT: Mapping[str, Callable[[Any], str]] = {
    "live": _of_live,
    "Vosk": _of_vosk,
    "Deepgram": _of_deepgram,
    "OpenAI Realtime": _of_realtime,
    "Wyoming": _of_wyoming,
}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
async def test_all_finals_together_are_what_was_said(gateway: GatewayAddress, dialect: Dialect) -> None:
    samples = spoken_apart(0.0)
    finals: list[str] = []
    async with dialect.connect(gateway, True) as client:
        for start in range(0, len(samples), CHUNK_SAMPLES):
            await client.say(samples[start : start + CHUNK_SAMPLES])
        await client.force()
        async for told in client.told():
            finals.append(FINAL_TEXT[dialect.name](told))
            if dialect.forced(told) and dialect.name not in ENDING:
                break
    assert plain(" ".join(finals)) == WORDS
