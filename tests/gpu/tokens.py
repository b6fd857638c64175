"""What a token costs in the graph's own Loop, beside its bare arithmetic in a captured CUDA graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.gpu import arithmetic
from tests.gpu.agreement import readings
from tests.gpu.engine import Arrays, Engine
from tests.gpu.shapes import RATE, Recogniser

BATCHES = (1, 8, 16)
TOKENS, TIMES = 96, 5


def measure(subject: Recogniser, graph: Path, device: str, batches: Sequence[int] = BATCHES) -> list[dict[str, Any]]:
    engine = Engine(graph, device)
    return [_measure(subject, engine, batch, device) for batch in batches]


def beside(found: Mapping[str, Any], loop: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What steps of their own cost, with the arithmetic that the Loop was held against."""
    floor = next(each["arithmetic_ms"] for each in loop if each["batch"] == found["batch"])
    way = "captured steps" if found["captured"] else "steps"
    ratio = None if floor is None else found["token_ms"] / floor
    return {**found, "way": way, "arithmetic_ms": floor, "times_arithmetic": ratio}


def _measure(subject: Recogniser, engine: Engine, batch: int, device: str) -> dict[str, Any]:
    few, many = asked(subject, batch, 1), asked(subject, batch, TOKENS)
    long, short = engine.run(many)["TOKEN"].shape[1], engine.run(few)["TOKEN"].shape[1]
    first, whole = engine.seconds(few, TIMES), engine.seconds(many, TIMES)
    token = (whole - first) / max(1, long - short)
    floor = arithmetic.step_seconds(subject, batch) if device == "cuda" else None
    return {
        "subject": subject.name,
        "batch": batch,
        "way": "Loop",
        "tokens": long,
        "encode_ms": 1e3 * first,
        "call_ms": 1e3 * whole,
        "token_ms": 1e3 * token,
        "arithmetic_ms": None if floor is None else 1e3 * floor,
        "times_arithmetic": None if floor is None else token / floor,
        "times_real_time": batch * subject.seconds / whole,
    }


def asked(subject: Recogniser, batch: int, tokens: int) -> Arrays:
    """The same row so often: all of them end together, and the longest counts."""
    whole = readings()[0]
    sound = np.resize(whole, round(subject.seconds * RATE)).astype(np.int16)
    return {
        "AUDIO": np.repeat(sound[None], batch, 0),
        "LENGTH": np.full((batch, 1), len(sound), np.int32),
        "PROMPT": np.repeat(np.array([subject.prompt], np.int32), batch, 0),
        "PROMPT_LENGTH": np.full((batch, 1), len(subject.prompt), np.int32),
        "MAX_TOKENS": np.full((batch, 1), tokens, np.int32),
    }
