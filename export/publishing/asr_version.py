"""The data versions of `asr` and `language_id`: what a backend must know to read words out of an internal graph.

The weights lie in the internal graph's own version, which these pin; a version here is a manifest and a tokenizer.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from export.failure import ExportError
from export.publishing import engines
from export.publishing.engines import Engine, text_of
from export.publishing.publication import MANIFEST_FILE, Version, publish, versions

SAMPLE_RATE, MAX_SECONDS, FRAME_SECONDS = 16_000, 30, 0.02
SERVED_VERSIONS = 2  # of a graph, by the version_policy of its config.pbtxt
# What a graph can be served on: int8 has kernels for the CPU alone, elsewhere it would be copied there and back.
PROVIDERS = {"fp32": ("cpu", "cuda", "tensorrt"), "fp16": ("cpu", "cuda", "tensorrt"), "int8": ("cpu",)}
# What Whisper's own decoding takes for trouble; the fastest speech is some 25 tokens a second, of letters 35.
GUARDS = {
    "no_speech_probability": 0.6,
    "compression_ratio": 2.4,
    "average_log_probability": -1.0,
    "tokens_per_second": 25.0,
}


@dataclass(frozen=True)
class Tokens:
    """The ids that mean something to the decoding; None where a vocabulary has no such token."""

    end: int | None
    first_special: int
    start: int | None = None
    no_timestamps: int | None = None
    no_speech: int | None = None
    previous: int | None = None
    languages: Mapping[str, int] | None = None
    tasks: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Provenance:
    """Where the weights are from and what was measured when they were exported."""

    recipe: str
    source: str
    licence: str
    precision: str
    sha256: Mapping[str, str]
    parity: Mapping[str, Any]


@dataclass(frozen=True)
class Recogniser:
    """Everything about one set of weights that `asr` and `language_id` tell and need."""

    family: str  # "whisper", "moonshine" or "ctc"
    identity: str  # of the weights
    provenance: Provenance
    languages: Sequence[str]
    tasks: Sequence[str]
    tokens: Tokens
    tokenizer: str
    max_tokens: int
    piece_seconds: float = 24.0  # of speech that is best heard at once
    wants_padding: bool = False
    alignment: str | None = None  # "ctc", "attention"
    ctc: Mapping[str, Any] | None = None  # {"blank": class, "classes": {token id: class}}
    word_offset_seconds: float = 0.0
    frame_seconds: float = FRAME_SECONDS
    first_frame_seconds: float | None = None  # how much sound makes the first frame; None: half a frame
    heard_languages: Sequence[str] | None = None  # those of the graph's LANGUAGE, where they are not the languages
    guards: Mapping[str, float] = field(default_factory=lambda: dict(GUARDS))
    confidence: Mapping[str, Any] | None = None
    language_temperature: float = 1.0
    voice_activity: str | None = (
        None  # the model that says whether anybody speaks, where the graph itself does not know
    )
    trusts_detection: bool = False  # what tells a version's languages apart is asked that as well
    speaking: Mapping[str, Any] = field(default_factory=dict)  # below what heard of a language nothing was said
    steps: Mapping[str, bytes] = field(default_factory=dict)  # the graphs to drive token by token; none: the Loop's

    @property
    def full_identity(self) -> str:
        """Of weights and tokenizer: the same weights under other letters are another recogniser."""
        return hashlib.sha256(f"{self.identity}\n{self.tokenizer}".encode()).hexdigest()


def publish_recogniser(
    repository: Path, recogniser: Recogniser, graph: Version, *, keep_others: bool = False
) -> list[tuple[str, Version]]:
    """`asr`, and for Whisper `language_id` (of an English-only one it always says so), over the internal graph.

    Both move together: only the two newest versions of the graph are served. Beside engines that are kept it serves its
    languages, and who says which language is spoken stays as well.
    """
    pinned = {"model": graph.path.parent.name, "version": graph.number}
    engine = asr_engine(recogniser, pinned)
    chosen, detection = engines.beside(repository, engine) if keep_others else ([engine], None)
    files = engines.files(chosen, detection, recogniser.provenance.recipe)
    published = [("asr", publish(repository / "asr", files))]
    if recogniser.family == "whisper" and len(chosen) == 1:
        files = language_files(recogniser, pinned)
        published.append(("language_id", publish(repository / "language_id", files)))
    return published


def refuse_forgotten(repository: Path, recogniser: Recogniser, graph: str) -> None:
    """Of a graph only the newest versions are served: one more may push out one that a kept engine needs."""
    kept, _detection = engines.beside(repository, asr_engine(recogniser, {"model": graph, "version": 0}))
    for name, number in ((each.facts["graph"]["model"], each.facts["graph"]["version"]) for each in kept[1:]):
        newer = [each.path for each in versions(repository / name) if each.number > number]
        if len(newer) + (name == graph) >= SERVED_VERSIONS:
            raise ExportError(
                f"{name} {number} would not be served any more, only the newest {SERVED_VERSIONS}: delete {newer[0]} "
                "and the versions of asr that name it; nothing was published"
            )


def named(repository: Path, graph: str, version: Version) -> bool:
    """Whether a version of `asr` or `language_id` stands before this one of the graph."""
    pinned = {"model": graph, "version": version.number}
    return any(part.get("graph") == pinned for model in ("asr", "language_id")
               for each in versions(repository / model)
               for part in [each.manifest, *each.manifest.get("engines", ())])  # fmt: skip


def asr_files(recogniser: Recogniser, graph: Mapping[str, Any]) -> dict[str, bytes]:
    return engines.files([asr_engine(recogniser, graph)], None)


def asr_engine(recogniser: Recogniser, graph: Mapping[str, Any]) -> Engine:
    writes = recogniser.family != "ctc"  # token by token
    manifest = {
        **_common("asr", recogniser, graph),
        "family": recogniser.family,
        "tasks": list(recogniser.tasks),
        "frame_seconds": recogniser.frame_seconds,
        "first_frame_seconds": recogniser.first_frame_seconds,
        "heard_languages": recogniser.heard_languages and list(recogniser.heard_languages),
        "alignment": recogniser.alignment,
        "word_offset_seconds": recogniser.word_offset_seconds,
        "ctc": recogniser.ctc,
        "capabilities": {"prompt": writes and recogniser.tokens.previous is not None, "prefix": writes,
                         "hotwords": False},
        "guards": dict(recogniser.guards),
        "calibration": {"confidence": recogniser.confidence},
        **({"voice_activity": recogniser.voice_activity} if recogniser.voice_activity else {}),
        **({"trusts_detection": True} if recogniser.trusts_detection else {}),
    }  # fmt: skip
    if recogniser.steps:
        manifest |= {"decoding": "steps", "providers": list(PROVIDERS[recogniser.provenance.precision])}
    return Engine(manifest, recogniser.tokenizer, recogniser.steps)


def language_facts(recogniser: Recogniser, graph: Mapping[str, Any]) -> dict[str, Any]:
    calibration = {"temperature": recogniser.language_temperature}
    facts = {**_common("language_id", recogniser, graph), "calibration": calibration}
    facts["languages"] = list(recogniser.heard_languages or recogniser.languages)
    if recogniser.speaking:
        facts["guards"] = dict(recogniser.speaking["guards"])
        facts["calibration"] = {**calibration, "guards": recogniser.speaking["provenance"]}
    return facts


def language_files(recogniser: Recogniser, graph: Mapping[str, Any]) -> dict[str, bytes]:
    return {MANIFEST_FILE: text_of(language_facts(recogniser, graph))}


def graph_manifest(name: str, recogniser: Recogniser) -> dict[str, Any]:
    """Of the internal graph's version: whose weights it holds."""
    limits = {"sample_rate": SAMPLE_RATE, "max_seconds": MAX_SECONDS}
    return {
        "model": name,
        "identity": recogniser.identity,
        **asdict(recogniser.provenance),
        "providers": list(PROVIDERS[recogniser.provenance.precision]),
        "languages": list(recogniser.languages),
        "limits": limits,
        "calibration": None,
    }


def _common(model: str, recogniser: Recogniser, graph: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": model,
        "identity": recogniser.full_identity,
        "graph": dict(graph),
        **asdict(recogniser.provenance),
        "languages": list(recogniser.languages),
        "limits": {
            "sample_rate": SAMPLE_RATE,
            "max_seconds": MAX_SECONDS,
            "piece_seconds": recogniser.piece_seconds,
            "max_tokens": recogniser.max_tokens,
        },
        "wants_padding": recogniser.wants_padding,
        "tokens": asdict(recogniser.tokens),
    }
