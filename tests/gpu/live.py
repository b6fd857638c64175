"""People who speak in real time, more and more of them at once, until what they are told comes late."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import numpy as np

from frontend.speech import RATE
from tests.gpu.agreement import readings

STREAMS = (8, 32, 64, 128, 192)
SECONDS, CHUNK_SECONDS, LATE_SECONDS = 20.0, 0.1, 2.0
ANSWER_SECONDS = 60.0


def measure(url: str, counts: tuple[int, ...] = STREAMS, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Stops behind the first crowd whose last words came more than two seconds late."""
    found = []
    for count in counts:
        found.append(asyncio.run(_crowd(url, count, seconds)))
        if found[-1]["late_p95_seconds"] > LATE_SECONDS:
            break
    return found


async def _crowd(url: str, count: int, seconds: float) -> dict[str, Any]:
    sound = np.resize(readings()[0], round(seconds * RATE)).astype(np.int16)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        each = await asyncio.gather(*(_speak(session, url, sound.tobytes(), n / count) for n in range(count)))
    late = [one["late"] for one in each]
    return {
        "streams": count,
        "late_median_seconds": float(np.median(late)),
        "late_p95_seconds": float(np.percentile(late, 95)),
        "first_partial_median_seconds": float(np.median([one["first"] for one in each])),
        "partials_a_second": float(np.mean([one["partials"] for one in each])) / seconds,
        "words_a_stream": float(np.mean([one["words"] for one in each])),
    }


async def _speak(session: aiohttp.ClientSession, url: str, data: bytes, delay: float) -> dict[str, float]:
    """How long after the last sample the last text came, when the first partial did, and how many."""
    await asyncio.sleep(delay)
    told: dict[str, float] = {"late": float("inf"), "first": float("inf"), "partials": 0, "words": 0}
    async with session.ws_connect(url, max_msg_size=1 << 20) as socket:
        await socket.send_str(json.dumps({"config": {"finals_after_eof": True}}))
        began = time.monotonic()
        listening = asyncio.create_task(_listen(socket, told, began))
        step = 2 * round(CHUNK_SECONDS * RATE)
        for start in range(0, len(data), step):
            await asyncio.sleep(max(0.0, began + (start + step) / 2 / RATE - time.monotonic()))
            await socket.send_bytes(data[start : start + step])
        await socket.send_str("eof")
        ended = time.monotonic() - began
        last = await asyncio.wait_for(listening, ANSWER_SECONDS)
        told["late"] = max(0.0, last - ended)
    return told


async def _listen(socket: aiohttp.ClientWebSocketResponse, told: dict[str, float], began: float) -> float:
    last = float("inf")
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            continue
        if not message.data.startswith("{"):  # the export's id
            continue
        content = json.loads(message.data)
        now = time.monotonic() - began
        if "partial" in content:
            told["partials"] += 1
            told["first"] = min(told["first"], now)
        elif "result" in content:
            told["words"] += len(content["result"])
            last = now
    return last
