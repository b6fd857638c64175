"""The repository behind the real Triton on the device: who serves what, what it says, how long a call takes."""

from __future__ import annotations

import contextlib
import queue
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferenceServerClient

from frontend.speech import RATE
from tests.gpu.agreement import readings
from tests.readings import PARTS
from tests.recogniser import infer
from tests.triton_server import TritonAddress

CALLS, SPEECH_SECONDS_A_CLIENT = 20, 60.0


@dataclass(frozen=True)
class Load:
    """How many ask at the same time, and for how much speech together at most."""

    clients: tuple[int, ...] = (1, 16, 64)
    speech_seconds: float = 2000.0
    rows: tuple[int, ...] = (1, 8, 16)


def measure(triton: TritonAddress, load: Load) -> dict[str, Any]:
    return {
        "providers": providers(triton.log_file),
        "understood": [understood(triton, sound) for sound in readings()[:3]],
        "offline": [offline(triton, clients, load.speech_seconds) for clients in load.clients],
        "calls": [call(triton, model, rows) for model in ("language_id", "speaker_embedding") for rows in load.rows],
    }


def providers(log: Path) -> dict[str, str]:
    """What the launcher said of each model when it came up."""
    found = re.findall(r"model_serves model=(\S+) .*?provider=(\S+)", log.read_text(errors="replace"))
    return dict(found)


def understood(triton: TritonAddress, sound: NDArray[np.int16]) -> str:
    with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
        answer = infer(client, "asr", {"AUDIO": sound, "LANGUAGE": "en"})
    return "".join(word.decode() for word in answer["WORD"].ravel()).strip()


def is_right(text: str, part: str) -> bool:
    return re.sub(r"[^a-z ]", "", text.lower()) == part


def offline(triton: TritonAddress, clients: int, most_seconds: float) -> dict[str, Any]:
    """So many clients, each with one piece of about eight seconds at a time, until enough speech is through."""
    piece = readings()[0]
    piece_seconds = len(piece) / RATE
    count = max(1, round(min(most_seconds, SPEECH_SECONDS_A_CLIENT * clients) / piece_seconds))
    seconds, took = _asked(triton, clients, count, piece)
    return {
        "clients": clients,
        "pieces": count,
        "piece_seconds": piece_seconds,
        "times_real_time": count * piece_seconds / seconds,
        "median_ms": 1e3 * float(np.median(took)),
        "p95_ms": 1e3 * float(np.percentile(took, 95)),
    }


def _asked(triton: TritonAddress, clients: int, count: int, piece: NDArray[np.int16]) -> tuple[float, list[float]]:
    """How long all of it took, and each call; one that fails fails the measurement."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(count):
        waiting.put(number)

    def ask(client: InferenceServerClient) -> list[float]:
        took = list[float]()
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.get_nowait()
                began = time.perf_counter()
                infer(client, "asr", {"AUDIO": piece, "LANGUAGE": "en"})
                took.append(time.perf_counter() - began)
        return took

    with contextlib.ExitStack() as stack:
        address = f"{triton.host}:{triton.grpc_port}"
        asking = [stack.enter_context(InferenceServerClient(address)) for _ in range(clients)]
        for client in asking:
            infer(client, "asr", {"AUDIO": piece[:RATE], "LANGUAGE": "en"})
        pool = stack.enter_context(ThreadPoolExecutor(clients))
        began = time.perf_counter()
        each = [done.result() for done in [pool.submit(ask, client) for client in asking]]
        return time.perf_counter() - began, [seconds for took in each for seconds in took]


def call(triton: TritonAddress, model: str, batch: int) -> dict[str, Any]:
    sound = readings()[1][: 3 * RATE]
    rows: Mapping[str, Any] = {
        "AUDIO": np.repeat(sound[None], batch, 0),
        "LENGTH": np.full((batch, 1), len(sound), np.int32),
    }
    with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
        times = _timed(lambda: infer(client, model, rows))
    return {"model": model, "rows": batch, "median_ms": 1e3 * float(np.median(times)), "worst_ms": 1e3 * max(times)}


def _timed(call: Callable[[], object]) -> Sequence[float]:
    call()
    found = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return found


def all_right(texts: Sequence[str]) -> bool:
    return all(is_right(text, part) for text, part in zip(texts, (" ".join(PARTS), *PARTS), strict=True))
