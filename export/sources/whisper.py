"""A Whisper checkpoint in the hub's layout: its parameters, its tokenizer and what its decoding needs, all checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from export.failure import ExportError
from export.graphs.whisper.shape import Shape
from export.publishing.asr_version import Tokens
from export.sources import tokenizers, weights
from export.sources.folder import Checkpoint
from export.sources.weights import Weights

LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")
GPT2_END = 50256  # the vocabulary of the published English-only checkpoints
TIED = "proj_out.weight"  # the output matrix is the embedding
CTC_HEAD = "ctc_head."


@dataclass(frozen=True)
class WhisperSource:
    """What a graph and its versions are made of."""

    checkpoint: Checkpoint
    weights: Weights
    tokenizer: Tokenizer
    tokens: Tokens
    suppressed: Sequence[int]  # never generated: what the settings name, and all that is no text
    suppressed_first: Sequence[int]  # nor as the first token
    alignment_heads: Sequence[tuple[int, int]]  # (layer, head) of the decoder
    ctc: Mapping[str, Any] | None  # of a checkpoint with a CTC head

    @property
    def languages(self) -> list[str]:
        return list(self.tokens.languages or {"en": 0})


def read(checkpoint: Checkpoint, languages: Sequence[str] = ()) -> WhisperSource:
    """Everything is checked before the (large) weights are read."""
    config = checkpoint.config
    Shape.from_config(config)  # names what is missing
    generation = {**_inherited(config), **(checkpoint.json("generation_config.json") or {})}
    tokenizer = tokenizers.whisper_tokenizer(checkpoint)
    tokens = _tokens(checkpoint, tokenizer, generation)
    if languages:
        tokens = _restricted(tokens, languages)
    arrays = weights.read(checkpoint)
    arrays.pop(TIED, None)
    head = {name: arrays[name] for name in arrays if name.startswith(CTC_HEAD)}
    weights.check({name: arrays[name] for name in arrays if name not in head}, expected(config), checkpoint.folder)
    special = set(range(tokens.first_special, config["vocab_size"])) - {tokens.end}
    return WhisperSource(
        checkpoint=checkpoint,
        weights=arrays,
        tokenizer=tokenizer,
        tokens=tokens,
        suppressed=sorted(special | _ids(generation, "suppress_tokens", config)),
        suppressed_first=sorted(_ids(generation, "begin_suppress_tokens", config)),
        alignment_heads=_alignment_heads(generation, config),
        ctc=_ctc(checkpoint, head, tokenizer) if head else None,
    )


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The names and shapes of this configuration's parameters, as the reference implementation makes them."""
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    with torch.device("meta"):
        model = WhisperForConditionalGeneration(WhisperConfig(**config))
    return {name: tuple(value.shape) for name, value in model.state_dict().items() if name != TIED}


def _inherited(config: Mapping[str, Any]) -> dict[str, Any]:
    """Older checkpoints keep the settings of the generation in config.json."""
    names = ("suppress_tokens", "begin_suppress_tokens", "forced_decoder_ids", "decoder_start_token_id", "eos_token_id")
    return {name: config[name] for name in names if config.get(name) is not None}


def _tokens(checkpoint: Checkpoint, tokenizer: Tokenizer, generation: Mapping[str, Any]) -> Tokens:
    """By name out of the tokenizer; every id that the settings state must be the same."""
    special = tokenizers.special_tokens(tokenizer)
    size = int(checkpoint.config["vocab_size"])
    stated = {
        "<|endoftext|>": generation.get("eos_token_id"),
        "<|startoftranscript|>": generation.get("decoder_start_token_id"),
        "<|notimestamps|>": generation.get("no_timestamps_token_id"),
        **{f"<|{task}|>": number for task, number in (generation.get("task_to_id") or {}).items()},
        **(generation.get("lang_to_id") or {}),
    }
    wrong = {token: number for token, number in stated.items() if number is not None and special.get(token) != number}
    for token, number in wrong.items():
        raise _foreign(checkpoint, f"{token} is {special.get(token)} there, but {number} in the settings")
    _check_size(checkpoint, tokenizer, special, size)
    end, start = special["<|endoftext|>"], special["<|startoftranscript|>"]
    multilingual = _is_multilingual(checkpoint, special, generation)
    tasks = {task: special[f"<|{task}|>"] for task in ("transcribe", "translate") if f"<|{task}|>" in special}
    return Tokens(
        end=end,
        first_special=min(special.values()),
        start=start,
        no_timestamps=special.get("<|notimestamps|>"),
        no_speech=special.get("<|nospeech|>", special.get("<|nocaptions|>")),
        previous=special.get("<|startofprev|>"),
        languages=_languages(special) if multilingual else None,
        tasks=tasks if multilingual else None,
    )


def _check_size(checkpoint: Checkpoint, tokenizer: Tokenizer, special: Mapping[str, int], size: int) -> None:
    """Every id has a row in the embedding; only rows for times, which are never generated, may lack a token."""
    known = set(tokenizer.get_vocab(with_added_tokens=True).values())
    if max(known) >= size:
        raise _foreign(checkpoint, f"it has ids to {max(known)}, but the embedding {size} rows")
    for token in ("<|endoftext|>", "<|startoftranscript|>"):
        if token not in special:
            raise _foreign(checkpoint, f"it has no {token}")
    last = special.get("<|notimestamps|>", size - 1)
    holes = sorted(set(range(last + 1)) - known)
    if holes:
        raise _foreign(checkpoint, f"it has no token {holes[0]}, but the embedding {size} rows")


def _is_multilingual(checkpoint: Checkpoint, special: Mapping[str, int], generation: Mapping[str, Any]) -> bool:
    stated = generation.get("is_multilingual")
    if stated is not None:
        found = bool(stated)
    elif generation.get("lang_to_id"):
        found = True
    elif special["<|endoftext|>"] == GPT2_END:
        found = False
    else:
        found = len(_languages(special)) > 1
    if found and not (_languages(special) and "<|transcribe|>" in special):
        raise _foreign(checkpoint, "the settings say many languages, but it has no tokens for them")
    return found


def _languages(special: Mapping[str, int]) -> dict[str, int]:
    """In the order of their ids; they stand between the start and the tasks."""
    low, high = special["<|startoftranscript|>"], special.get("<|transcribe|>", -1)
    found = {match[1]: number for token, number in special.items() if (match := LANGUAGE.fullmatch(token))}
    inside = {code: number for code, number in found.items() if low < number < high}
    return dict(sorted(inside.items(), key=lambda item: item[1]))


def _restricted(tokens: Tokens, languages: Sequence[str]) -> Tokens:
    known = tokens.languages or {"en": 0}
    unknown = sorted(set(languages) - set(known))
    if unknown:
        raise ExportError(f"these weights do not know {', '.join(unknown)}; they know {', '.join(known)}")
    if tokens.languages is None:
        return tokens
    chosen = {code: number for code, number in known.items() if code in languages}
    return Tokens(**{**vars(tokens), "languages": chosen})


def _ids(generation: Mapping[str, Any], name: str, config: Mapping[str, Any]) -> set[int]:
    found = {int(number) for number in generation.get(name) or ()} - {-1}
    if found and not 0 <= min(found) <= max(found) < config["vocab_size"]:
        raise ExportError(f"{name} of the generation settings names tokens that the model does not have")
    return found


def _alignment_heads(generation: Mapping[str, Any], config: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Those that were measured to follow the speech, else every head of the upper half of the layers.

    Distilled checkpoints often keep their teacher's settings, which name heads that they do not have.
    """
    layers, heads = config["decoder_layers"], config["decoder_attention_heads"]
    stated = [(int(layer), int(head)) for layer, head in generation.get("alignment_heads") or ()]
    if any(not (0 <= layer < layers and 0 <= head < heads) for layer, head in stated):
        stated = []
    return stated or [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]


def _ctc(checkpoint: Checkpoint, head: Weights, tokenizer: Tokenizer) -> dict[str, Any]:
    """Which class of the head is which token; the classes are named in vocabulary.json."""
    names = (checkpoint.json("vocabulary.json") or {}).get("ctc")
    if not isinstance(names, list) or len(names) != len(head.get(f"{CTC_HEAD}bias", ())):
        raise ExportError(f"{checkpoint.folder} has a CTC head, but vocabulary.json does not name its classes")
    ids = {number: tokenizer.token_to_id(str(name)) for number, name in enumerate(names)}
    return {"blank": 0, "classes": {str(token): number for number, token in ids.items() if token is not None}}


def _foreign(checkpoint: Checkpoint, reason: str) -> ExportError:
    return ExportError(f"the tokenizer of {checkpoint.folder} is not this checkpoint's: {reason}")
