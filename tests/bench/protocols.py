"""The same sentences through every protocol, against what `make evaluate` hears in them: sockets must cost no words."""

import asyncio
import base64
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import websockets
from matplotlib.figure import Figure as Drawing

from export.evaluation.hearing import Heard, Listener, Listening
from export.evaluation.truth import Truth
from export.training.scoring import Score
from export.training.synthesis import KINDS, plan, spoken
from frontend.config import loading as configuration
from frontend.speech import RATE, Samples
from tests.bench import bars
from tests.bench.live_client import converse
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench, progress
from tests.sounds import wav

_SENTENCES = 60
_AROUND = np.zeros(RATE // 2, np.int16)
_AT_ONCE = 4


@dataclass(frozen=True)
class _Sentence:
    text: str
    language: str
    samples: Samples


Told = Sequence[str]


def measure(bench: Bench) -> Result:
    sentences = _sentences()
    heard = asyncio.run(_evaluated(bench, sentences))
    told = {name: asyncio.run(_all(bench, sentences, ask)) for name, ask in _PROTOCOLS.items()}
    languages = asyncio.run(_all(bench, sentences, _language))
    reference = _errors([each.text or "" for each in heard], sentences)
    errors = {name: _errors(texts, sentences) for name, texts in told.items()}
    _draw(bench, {"make evaluate": reference, **errors})
    figures = [Figure("make evaluate: word errors", reference, "%", note=f"{len(sentences)} sentences, six languages")]
    for name, found in errors.items():
        same = sum(text == (each.text or "") for text, each in zip(told[name], heard, strict=True))
        note = f"{found:.1f} %, {same} texts to the letter"
        figures.append(Figure(f"{name}: word errors beyond", found - reference, "points", bars.PROTOCOL_POINTS, note))
    figures += [
        Figure("make evaluate: language", _right([each.language or "" for each in heard], sentences), "%"),
        Figure("/ws: language", _right(languages, sentences), "%"),
    ]
    return Result("protocols", figures, {"word_errors": errors})


def _sentences() -> list[_Sentence]:
    """That no training has seen, in voices that none has heard; in a language each that all protocols are told."""
    items = list(plan(KINDS["voices"], 2 * _SENTENCES, random.Random("protocols")))
    found = [
        _Sentence(item.text, item.language, np.concatenate([_AROUND, sound, _AROUND])) for item, sound in spoken(items)
    ]
    return found[:_SENTENCES]


async def _evaluated(bench: Bench, sentences: Sequence[_Sentence]) -> list[Heard]:
    settings = configuration.load(None, {"GATEWAY_TRITON__GRPC_PORT": str(bench.triton.grpc_port)})
    listener = Listener(Listening(settings))
    with TemporaryDirectory() as folder:
        truths = []
        for place, each in enumerate(sentences):
            path = Path(folder) / f"{place}.wav"
            path.write_bytes(wav(each.samples))
            truths.append(Truth(path, "all", each.text, each.language))
        try:
            await listener.manifest()
            found = {place: heard async for place, heard in listener.listen(truths)}
        finally:
            await listener.close()
    return [found[place] for place in range(len(sentences))]


Ask = Callable[[Bench, _Sentence], Awaitable[str]]


async def _all(bench: Bench, sentences: Sequence[_Sentence], ask: Ask) -> Told:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(sentence: _Sentence) -> str:
        async with turns:
            return await ask(bench, sentence)

    tasks = [asyncio.create_task(one(sentence)) for sentence in sentences]
    for task in progress(tasks, ask.__name__.strip("_")):
        await task
    return [task.result() for task in tasks]


async def _language(bench: Bench, sentence: _Sentence) -> str:
    repeated = np.tile(sentence.samples, 1 + 2 * RATE // len(sentence.samples))  # the least that is answered
    async with websockets.connect(bench.gateway.ws("/ws")) as connection:
        await connection.send(wav(repeated))
        return str(json.loads(await connection.recv())["data"]["language"])


async def _transcribe(bench: Bench, sentence: _Sentence) -> str:
    async with websockets.connect(bench.gateway.ws("/ws/transcribe", "transcribe")) as connection:
        await connection.send(json.dumps({"type": "transcribe", "machine_id": "x", "language": sentence.language}))
        await connection.send(wav(sentence.samples))
        return str(json.loads(await connection.recv())["text"])


async def _whisper_file(bench: Bench, sentence: _Sentence) -> str:
    audio = base64.b64encode(wav(sentence.samples)).decode()
    async with websockets.connect(bench.gateway.ws("/", "whisper")) as connection:
        await connection.send(
            json.dumps({"type": "file", "audio": audio, "format": "wav", "language": sentence.language})
        )
        return str(json.loads(await connection.recv())["text"])


async def _whisper_stream(bench: Bench, sentence: _Sentence) -> str:
    """In one message, whose partial has all its words: by the contract, each answer tells of what is buffered only."""
    audio = base64.b64encode(sentence.samples.tobytes()).decode()
    async with websockets.connect(bench.gateway.ws("/", "whisper")) as connection:
        await connection.send(json.dumps({"type": "stream", "audio": audio, "language": sentence.language}))
        await connection.send(json.dumps({"type": "stop"}))
        return str(json.loads(await connection.recv())["text"])


async def _live(bench: Bench, sentence: _Sentence) -> str:
    opening = json.dumps({"config": {"sample_rate": RATE, "language": sentence.language, "finals_after_eof": True}})
    url = bench.gateway.ws("/", "live")
    return (await converse(url, sentence.samples, real_time=False, opening=opening)).text


_PROTOCOLS = {
    "/ws/transcribe": _transcribe,
    "whisper file": _whisper_file,
    "whisper stream": _whisper_stream,
    "live": _live,
}


def _errors(texts: Sequence[str], sentences: Sequence[_Sentence]) -> float:
    score = Score()
    for text, sentence in zip(texts, sentences, strict=True):
        score.add(text, sentence.text)
    return score.percentages()["wer"]


def _right(languages: Sequence[str], sentences: Sequence[_Sentence]) -> float:
    found = [language == sentence.language for language, sentence in zip(languages, sentences, strict=True)]
    return 100 * sum(found) / len(found)


def _draw(bench: Bench, errors: dict[str, float]) -> None:
    drawing = Drawing(figsize=(7, 3), layout="constrained")
    axes = drawing.subplots()
    axes.barh(list(errors), list(errors.values()), color=["tab:orange", *["tab:blue"] * (len(errors) - 1)])
    axes.invert_yaxis()
    axes.set(xlabel="wrong words, %", title=f"{_SENTENCES} sentences through each protocol")
    drawing.savefig(bench.picture("protocols"), dpi=120)
