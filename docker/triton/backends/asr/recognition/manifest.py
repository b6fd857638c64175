"""What a manifest says of one engine: which graph to call, its tokens, limits, guards and calibration."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

RATE = 16_000
NEWEST = -1  # for Triton the version that it serves by default
WRITING = ("whisper", "moonshine")  # families whose graph writes token by token


class ManifestError(ValueError):
    """The manifest does not describe something that can be served. The text says what is missing."""


@dataclass(frozen=True)
class GraphRef:
    model: str
    version: int


@dataclass(frozen=True)
class Tokens:
    """Special tokens; None or empty where a model has none (an English-only one has no languages)."""

    start: int
    end: int
    first_special: int
    no_timestamps: int | None
    previous: int | None
    languages: Mapping[str, int]
    tasks: Mapping[str, int]


@dataclass(frozen=True)
class Ctc:
    """The classes of a CTC head: which one is the blank, and which one spells each token."""

    blank: int
    classes: Mapping[int, int]


@dataclass(frozen=True)
class Guards:
    """Limits that text must keep to be believed; None switches one off."""

    no_speech_probability: float | None = None
    language_probability: float | None = None  # of what tells languages apart: no more of the likeliest says nothing
    average_log_probability: float | None = None
    compression_ratio: float | None = None
    tokens_per_second: float | None = None
    spare_tokens: float | None = None  # beyond those that the audio's length allows


@dataclass(frozen=True)
class Capabilities:
    prompt: bool = False
    prefix: bool = False
    hotwords: bool = False


@dataclass(frozen=True)
class Calibration:
    """Logistic, on the log-odds of a raw confidence."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class Manifest:
    """One engine: a graph, and how words are read out of its answers."""

    family: str
    graph: GraphRef
    languages: tuple[str, ...]
    heard_languages: tuple[str, ...]  # those that the graph tells apart, in its order
    tasks: tuple[str, ...]
    max_samples: int
    max_tokens: int
    wants_padding: bool
    frame_seconds: float
    first_frame_seconds: float  # how much sound makes the first frame
    alignment: str | None  # "ctc", "attention", or no word times at all
    word_offset_seconds: float
    tokens: Tokens | None
    ctc: Ctc | None
    capabilities: Capabilities
    guards: Guards
    confidence: Calibration | None
    temperature: float
    tokenizer: str  # the file in the version's folder
    # The folder beside it whose graphs the backend drives itself; None: the graph decodes in its loop.
    steps: str | None
    # Whether rows of one call should be about as long: where a single row keeps the processor busy already, as in int8,
    # the padding of the others costs more than a call of their own.
    joins_alike: bool
    # The model that is asked first whether anybody speaks; None where the graph's own no-speech is real.
    voice_activity: str | None
    # Whether what tells a version's languages apart is asked as well, even of a given language, whether anybody speaks.
    trusts_detection: bool

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Of a version with one engine, which its manifest is itself."""
        with manifest_errors():
            return cls.of(json.loads(text))

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Manifest:
        return _manifest(content)


@contextlib.contextmanager
def manifest_errors() -> Iterator[None]:
    """Whatever a manifest lacks is told with its name."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ManifestError(f"manifest.json: {type(error).__name__}: {error}") from error


def _manifest(content: Mapping[str, Any]) -> Manifest:
    limits, calibration = content["limits"], content.get("calibration") or {}
    if limits.get("sample_rate", RATE) != RATE:
        raise ValueError(f"limits.sample_rate is {limits['sample_rate']}, only {RATE} is served")
    family = content.get("family", "whisper")
    tokens = _tokens(content.get("tokens")) if family in WRITING else None
    if family not in (*WRITING, "ctc") or (family in WRITING and tokens is None):
        raise ValueError(f"family {family!r} is neither {' nor '.join(map(repr, WRITING))} with its tokens nor 'ctc'")
    frame_seconds = float(content.get("frame_seconds") or 0.02)
    return Manifest(
        family=family,
        graph=GraphRef(content["graph"]["model"], int(content["graph"]["version"])),
        languages=tuple(content["languages"]),
        heard_languages=tuple(content.get("heard_languages") or content["languages"]),
        tasks=tuple(content.get("tasks") or ("transcribe",)),
        max_samples=round(limits["max_seconds"] * RATE),
        max_tokens=int(limits.get("max_tokens") or 0),
        wants_padding=bool(content.get("wants_padding")),
        frame_seconds=frame_seconds,
        first_frame_seconds=float(content.get("first_frame_seconds") or frame_seconds / 2),
        alignment=content.get("alignment"),
        word_offset_seconds=float(content.get("word_offset_seconds") or 0.0),
        tokens=tokens,
        ctc=_ctc(content.get("ctc")),
        capabilities=_capabilities(content.get("capabilities") or {}),
        guards=_guards(content.get("guards") or {}),
        confidence=_confidence(calibration.get("confidence")),
        temperature=float(calibration.get("temperature") or 1.0),
        tokenizer=str(content.get("tokenizer") or "tokenizer.json"),
        steps=_steps(content, family),
        joins_alike=_joins_alike(content),
        voice_activity=content.get("voice_activity"),
        trusts_detection=bool(content.get("trusts_detection")),
    )


def _steps(content: Mapping[str, Any], family: str) -> str | None:
    decoding = content.get("decoding", "loop")
    if decoding not in ("loop", "steps") or (decoding == "steps" and family not in WRITING):
        raise ValueError(f"decoding {decoding!r} of family {family!r}: only 'loop' is known, of {WRITING} 'steps' too")
    return str(content["steps"]) if decoding == "steps" else None


def _joins_alike(content: Mapping[str, Any]) -> bool:
    return content.get("precision") == "int8" and not content.get("steps") and not content.get("wants_padding")


def _tokens(content: Mapping[str, Any] | None) -> Tokens | None:
    if not content:
        return None
    return Tokens(
        start=int(content["start"]),
        end=int(content["end"]),
        first_special=int(content["first_special"]),
        no_timestamps=content.get("no_timestamps"),
        previous=content.get("previous"),
        languages=dict(content.get("languages") or {}),
        tasks=dict(content.get("tasks") or {}),
    )


def _confidence(content: Mapping[str, Any] | None) -> Calibration | None:
    return Calibration(float(content["slope"]), float(content["intercept"])) if content else None


def _capabilities(content: Mapping[str, Any]) -> Capabilities:
    return Capabilities(**{name: bool(content.get(name)) for name in ("prompt", "prefix", "hotwords")})


def _ctc(content: Mapping[str, Any] | None) -> Ctc | None:
    if not content:
        return None
    return Ctc(int(content["blank"]), {int(token): int(number) for token, number in content["classes"].items()})


def _guards(content: Mapping[str, Any]) -> Guards:
    names = [field.name for field in fields(Guards)]
    return Guards(**{name: float(content[name]) if content.get(name) is not None else None for name in names})
