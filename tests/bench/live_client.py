"""A client of the live protocol that speaks in real time, or as fast as it can, and notes when it is told what."""

import asyncio
import contextlib
import difflib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import websockets

from frontend.machines.stabiliser import plain
from frontend.speech import RATE, Samples
from tests.bench.conversation import Said, Speech

_CHUNK_SAMPLES = RATE // 10
_PUSHED_BYTES = 64 << 10
_MESSAGE_BYTES = 1 << 20
_OPENING = json.dumps({"config": {"finals_after_eof": True}})


@dataclass(frozen=True)
class Told:
    """One message of the server; seconds since the client's first sample was recorded."""

    seconds: float
    content: dict[str, Any]


@dataclass
class Heard:
    """All of one connection."""

    told: list[Told] = field(default_factory=list)
    export_id: str = ""
    close_code: int | None = None

    @property
    def finals(self) -> list[Told]:
        return [told for told in self.told if "result" in told.content]

    @property
    def words(self) -> list[dict[str, Any]]:
        return [word for final in self.finals for word in final.content["result"]]

    @property
    def text(self) -> str:
        return " ".join(word["word"] for word in self.words)

    def since(self, seconds: float) -> list[Told]:
        return [told for told in self.told if told.seconds >= seconds]


async def converse(url: str, samples: Samples, *, real_time: bool = True, opening: str = "") -> Heard:
    """Say it all, after an opening if there is one, then eof; everything that was told until the server closed."""
    heard = Heard()
    async with websockets.connect(url, ping_interval=None, compression=None, max_size=_MESSAGE_BYTES) as connection:
        began = time.monotonic()
        listening = asyncio.create_task(_listen(connection, heard, began))
        with contextlib.suppress(websockets.ConnectionClosed):
            await connection.send(opening or _OPENING)
            await _say(connection, samples, began if real_time else None)
            await connection.send("eof")
        await listening
        heard.close_code = connection.close_code
    return heard


async def _say(connection: Any, samples: Samples, began: float | None) -> None:
    data, step = samples.tobytes(), 2 * _CHUNK_SAMPLES if began is not None else _PUSHED_BYTES
    for start in range(0, len(data), step):
        if began is not None:
            recorded = min(len(data), start + step) / 2 / RATE
            await asyncio.sleep(max(0.0, began + recorded - time.monotonic()))
        await connection.send(data[start : start + step])


async def _listen(connection: Any, heard: Heard, began: float) -> None:
    with contextlib.suppress(websockets.ConnectionClosed):
        async for message in connection:
            if message.startswith("{"):
                heard.told.append(Told(time.monotonic() - began, json.loads(message)))
            else:
                heard.export_id = message


def first_partial_seconds(heard: Heard, said: Said) -> float | None:
    """From the beginning of a sentence to the first text with one of its words in it, once those before are final."""
    truth = set(map(plain, said.text.split()))
    before = [told.seconds for told in heard.finals if told.content["result"][-1]["start"] <= said.start_seconds]
    for told in heard.since(max([said.start_seconds, *(seconds + 1e-6 for seconds in before)])):
        text = told.content.get("partial", told.content.get("text", ""))
        if truth & set(map(plain, text.split())):
            return told.seconds - said.start_seconds
    return None


def final_seconds(heard: Heard, said: Said) -> float | None:
    """From the end of a sentence to the final that tells its last word."""
    middle = (said.start_seconds + said.end_seconds) / 2
    for told in heard.finals:
        if told.content["result"][-1]["end"] > max(middle, said.end_seconds - 0.7):
            return told.seconds - said.end_seconds
    return None


def changes(heard: Heard) -> tuple[int, int]:
    """How many words of partials the next message took back or replaced, and how many were shown in all."""
    changed = shown = 0
    before: Sequence[str] = ()
    for told in heard.told:
        final = "result" in told.content
        text = told.content["text"] if final else told.content["partial"]
        after = list(map(plain, text.split()))
        for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            cut_off = final and kind == "delete" and j1 == len(after)
            changed += i2 - i1 if kind in ("replace", "delete") and not cut_off else 0
            shown += j2 - j1 if kind in ("replace", "insert") and not final else 0
        before = before[len(after) :] if final else after
    return changed, shown


def sentences(heard: Heard, speech: Speech) -> list[tuple[Said, float | None, float | None]]:
    return [(said, first_partial_seconds(heard, said), final_seconds(heard, said)) for said in speech.said]
