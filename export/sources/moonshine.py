"""A Moonshine checkpoint in the hub's layout: its parameters and its tokenizer, all checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export.failure import ExportError
from export.graphs.moonshine.shape import Shape, expected
from export.publishing.asr_version import Tokens
from export.sources import weights
from export.sources.byte_pairs import tokenizer_json
from export.sources.folder import Checkpoint
from export.sources.weights import Weights

TIED = "proj_out.weight"  # the output matrix is the embedding
LANGUAGE = "en"  # of all published checkpoints but those that name another after their size


@dataclass(frozen=True)
class MoonshineSource:
    """What a graph and its versions are made of."""

    config: Mapping[str, Any]
    shape: Shape
    weights: Weights
    tokenizer: str  # the content of tokenizer.json
    tokens: Tokens
    suppressed: Sequence[int]  # never generated: all that is no text
    languages: Sequence[str]


def read(checkpoint: Checkpoint, languages: Sequence[str] = ()) -> MoonshineSource:
    """Everything is checked before the (large) weights are read."""
    config = checkpoint.config
    shape = Shape.from_config(config)
    generation = {**config, **(checkpoint.json("generation_config.json") or {})}
    described = _described(checkpoint)
    tokens = _tokens(checkpoint, described, generation)
    arrays = weights.read(checkpoint)
    arrays.pop(TIED, None)
    weights.check(arrays, expected(shape), checkpoint.folder)
    assert tokens.start is not None
    assert tokens.end is not None
    special = {0, tokens.start, *range(tokens.first_special, shape.vocabulary)} - {tokens.end}
    return MoonshineSource(
        config=config,
        shape=shape,
        weights=arrays,
        tokenizer=tokenizer_json(described["model"]),
        tokens=tokens,
        suppressed=sorted(special),
        languages=list(languages) or [LANGUAGE],
    )


def _described(checkpoint: Checkpoint) -> Mapping[str, Any]:
    described = checkpoint.json("tokenizer.json")
    if described is None:
        raise ExportError(f"{checkpoint.folder} has no tokenizer.json")
    model = described.get("model")
    if not isinstance(model, dict) or model.get("type") != "BPE" or not model.get("byte_fallback"):
        raise _foreign(checkpoint, "it has no byte pairs that fall back to bytes")
    return described


def _tokens(checkpoint: Checkpoint, described: Mapping[str, Any], generation: Mapping[str, Any]) -> Tokens:
    """The ids of the settings are those of the tokenizer, and it has no others than the embedding."""
    added = {str(each["content"]): int(each["id"]) for each in described.get("added_tokens") or []}
    every = {**described["model"].get("vocab", {}), **added}
    size = int(checkpoint.config["vocab_size"])
    if not every or max(every.values()) >= size:
        raise _foreign(checkpoint, f"it has ids to {max(every.values(), default=-1)}, but the embedding {size} rows")
    if len(set(every.values())) < size:
        raise _foreign(checkpoint, f"it has {len(set(every.values()))} tokens, but the embedding {size} rows")
    start, end = (generation.get(name) for name in ("decoder_start_token_id", "eos_token_id"))
    for name, number in (("<s>", start), ("</s>", end)):
        if every.get(name) != number:
            raise _foreign(checkpoint, f"{name} is {every.get(name)} there, but {number} in the settings")
    text = [number for number in every.values() if number not in added.values()]
    first_special = max(text) + 1
    return Tokens(end=end, first_special=first_special, start=start)


def _foreign(checkpoint: Checkpoint, reason: str) -> ExportError:
    return ExportError(f"the tokenizer of {checkpoint.folder} is not this checkpoint's: {reason}")
