"""Clients of Vosk's server, as its samples are written: with `websockets`, and with `websocket-client`."""

import asyncio
import itertools
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import websocket
import websockets

from frontend.speech import Samples
from tests.gateway.test_openai import WORDS, plain
from tests.gateway_server import GatewayAddress
from tests.readings import parts
from tests.voices import silence


def spoken(rate: int = 16_000) -> Samples:
    return np.concatenate([silence(0.5, rate), *parts(rate), silence(2.0, rate)])


def pieces(samples: Samples, rate: int) -> list[bytes]:
    step = rate // 5
    return [samples[start : start + step].tobytes() for start in range(0, len(samples), step)]


async def transcribed(url: str, rate: int) -> list[dict[str, Any]]:
    """The flow of the published sample: a config, each piece and its answer, the end and its answer."""
    async with websockets.connect(url) as connection:
        await connection.send(f'{{ "config" : {{ "sample_rate" : {rate} }} }}')
        answers = []
        for data in pieces(spoken(rate), rate):
            await connection.send(data)
            answers.append(json.loads(await connection.recv()))
        await connection.send('{"eof" : 1}')
        answers.append(json.loads(await connection.recv()))
        await connection.wait_closed()
        assert connection.close_code == 1000
    return answers


def text(answers: list[dict[str, Any]]) -> str:
    return plain(" ".join(answer["text"] for answer in answers if answer.get("text")))


@pytest.mark.parametrize(("path", "port"), [("/", "vosk"), ("/vosk", "voice"), ("/vosk/", "live")])
async def test_the_published_flow_transcribes(gateway: GatewayAddress, path: str, port: str) -> None:
    assert text(await transcribed(gateway.ws(path, port), 16_000)) == WORDS


async def until(connection: Any, spoken: Iterable[bytes], kind: str) -> dict[str, Any]:
    """The first answer of this kind; who speaks goes on until it comes, for that is when the load allows."""
    for data in spoken:
        await connection.send(data)
        answer: dict[str, Any] = json.loads(await connection.recv())
        if answer.get(kind):
            return answer
        await asyncio.sleep(0.2)
    raise AssertionError(f"no {kind}")


async def test_who_speaks_is_shown_what_is_understood_and_told_an_utterance_when_it_is_over(
    gateway: GatewayAddress,
) -> None:
    async with websockets.connect(gateway.ws("/", "vosk")) as connection:
        shown = await until(connection, itertools.cycle(pieces(np.concatenate(parts()), 16_000)), "partial")
        assert {*plain(shown["partial"]).split()} & {*WORDS.split()}
        told = await until(connection, itertools.repeat(silence(0.2).tobytes()), "result")
        assert {*plain(told["text"]).split()} & {*WORDS.split()}


async def test_words_have_their_times_at_another_rate(gateway: GatewayAddress) -> None:
    answers = await transcribed(gateway.ws("/", "vosk"), 8000)
    words = [word for answer in answers for word in answer.get("result", ())]
    assert plain(" ".join(word["word"] for word in words)) == WORDS
    assert all(before["end"] <= after["start"] for before, after in itertools.pairwise(words))


def test_another_library_hears_the_same(gateway: GatewayAddress) -> None:
    connection = websocket.create_connection(gateway.ws("/", "vosk"), timeout=30)
    answers = []
    for message in (*pieces(spoken(), 16_000), '{"eof" : 1}'):
        (connection.send if isinstance(message, str) else connection.send_binary)(message)
        answers.append(json.loads(connection.recv()))
    connection.close()
    assert text(answers) == WORDS


async def test_who_never_reads_disturbs_nobody(gateway: GatewayAddress) -> None:
    async with websockets.connect(gateway.ws("/", "vosk"), max_queue=1) as silent:
        for data in pieces(spoken(), 16_000) * 5:
            await silent.send(data)
        assert text(await transcribed(gateway.ws("/", "vosk"), 16_000)) == WORDS
