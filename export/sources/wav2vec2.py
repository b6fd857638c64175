"""A wav2vec2 checkpoint with a CTC head in the hub's layout; of one with adapters, that of one language folded in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from export.failure import ExportError
from export.graphs.ctc.shape import Convolution, Shape
from export.publishing.asr_version import Tokens
from export.sources import tokenizers, weights
from export.sources.folder import Checkpoint
from export.sources.weights import Weights

POSITIONS = "wav2vec2.encoder.pos_conv_embed.conv"
# Old and new names of the two halves of a normalised weight: its length and its direction.
HALVES = (
    (f"{POSITIONS}.weight_g", f"{POSITIONS}.parametrizations.weight.original0"),
    (f"{POSITIONS}.weight_v", f"{POSITIONS}.parametrizations.weight.original1"),
)
MASK = "wav2vec2.masked_spec_embed"  # training only
WORD_DELIMITER, UNKNOWN_LANGUAGE = "|", "und"
UNSUPPORTED = {
    "add_adapter": (False,),
    "feat_extract_activation": ("gelu",),
    "hidden_act": ("gelu",),
    "feat_extract_norm": ("group", "layer"),
}


@dataclass(frozen=True)
class CtcSource:
    """What a graph and its version are made of."""

    checkpoint: Checkpoint
    weights: Weights  # the position convolution's weight folded into one
    reference: Weights  # as the reference implementation names them
    shape: Shape
    config: Mapping[str, Any]  # with the chosen language's number of classes
    tokenizer: Tokenizer
    tokens: Tokens
    ctc: Mapping[str, Any]
    languages: Sequence[str]


def read(checkpoint: Checkpoint, languages: Sequence[str] = ()) -> CtcSource:
    config = dict(checkpoint.config)
    _refuse_variants(config)
    adapted = config.get("adapter_attn_dim") is not None
    if len(languages) > 1:
        raise ExportError("a CTC version speaks one language: name one with --languages, export again for others")
    if adapted and not languages:
        raise ExportError(f"{checkpoint.folder} has an adapter for each language: name one with --languages")
    vocabulary = _vocabulary(checkpoint, languages[0] if languages else None)
    arrays = {_current_name(name): array for name, array in weights.read(checkpoint).items() if name != MASK}
    if adapted:
        arrays.update(_adapter(checkpoint, languages[0]))
    config["vocab_size"] = len(arrays.get("lm_head.bias", ()))
    weights.check(arrays, expected(config), checkpoint.folder)
    if len(vocabulary) > config["vocab_size"] or sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise ExportError(
            f"the vocabulary of {checkpoint.folder} is not this checkpoint's: it has {len(vocabulary)} letters for "
            f"{config['vocab_size']} classes"
        )
    tokenizer, tokens, ctc = _letters(vocabulary, int(config.get("pad_token_id") or 0), _delimiter(checkpoint))
    return CtcSource(
        checkpoint=checkpoint,
        weights=folded(arrays),
        reference=arrays,
        shape=_shape(checkpoint, config),
        config=config,
        tokenizer=tokenizer,
        tokens=tokens,
        ctc=ctc,
        languages=list(languages) or [UNKNOWN_LANGUAGE],
    )


def expected(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The names and shapes of this configuration's parameters, as the reference implementation makes them."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    with torch.device("meta"):
        model = Wav2Vec2ForCTC(Wav2Vec2Config(**config))
    return {name: tuple(value.shape) for name, value in model.state_dict().items() if name != MASK}


def folded(arrays: Weights) -> Weights:
    """The position convolution's weight: its direction, of length one over all but the last axis, times its length."""
    (_, length), (_, direction) = HALVES
    kept = {name: array for name, array in arrays.items() if name not in (length, direction)}
    vectors = arrays[direction].astype(np.float64)
    norm = np.sqrt((vectors**2).sum(axis=(0, 1), keepdims=True))
    kept[f"{POSITIONS}.weight"] = (arrays[length] * vectors / norm).astype(np.float32)
    return kept


def _refuse_variants(config: Mapping[str, Any]) -> None:
    for name, supported in UNSUPPORTED.items():
        if config.get(name, supported[0]) not in supported:
            raise ExportError(f"wav2vec2 with {name} {config[name]!r} is not supported, only {supported[0]!r}")


def _current_name(name: str) -> str:
    return dict(HALVES).get(name, name)


def _adapter(checkpoint: Checkpoint, language: str) -> Weights:
    for name in (f"adapter.{language}.safetensors", f"adapter.{language}.bin"):
        path = checkpoint.folder / name
        if path.is_file():
            return weights.read_file(path)
    known = sorted(path.name.split(".")[1] for path in checkpoint.folder.glob("adapter.*.*"))
    raise ExportError(f"{checkpoint.folder} has no adapter for {language}; it has {', '.join(known[:20]) or 'none'}")


def _vocabulary(checkpoint: Checkpoint, language: str | None) -> dict[str, int]:
    """vocab.json; where it holds one for each language, that language's."""
    vocabulary = checkpoint.json("vocab.json")
    if vocabulary is None:
        raise ExportError(f"{checkpoint.folder} has no vocab.json, which names the classes")
    if vocabulary and all(isinstance(value, dict) for value in vocabulary.values()):
        if language not in vocabulary:
            raise ExportError(f"vocab.json of {checkpoint.folder} has no letters for {language}")
        vocabulary = vocabulary[language]
    return {str(token): int(number) for token, number in vocabulary.items()}


def _delimiter(checkpoint: Checkpoint) -> str:
    stated = (checkpoint.json("tokenizer_config.json") or {}).get("word_delimiter_token", WORD_DELIMITER)
    return str(stated["content"] if isinstance(stated, dict) else stated)


def _letters(vocabulary: Mapping[str, int], blank: int, delimiter: str) -> tuple[Tokenizer, Tokens, dict[str, Any]]:
    """Letters as tokens, the word delimiter as the space that it stands for; a class has its token's id."""
    by_place = sorted(vocabulary, key=lambda token: vocabulary[token])
    spelled = [" " if token == delimiter else token for token in by_place]
    tokenizer = tokenizers.letter_tokenizer(spelled)
    special = tokenizers.special_tokens(tokenizer)
    classes = {str(place): place for place, token in enumerate(spelled) if place != blank and token not in special}
    return tokenizer, Tokens(end=None, first_special=len(vocabulary)), {"blank": blank, "classes": classes}


def _shape(checkpoint: Checkpoint, config: Mapping[str, Any]) -> Shape:
    preprocessing = checkpoint.json("preprocessor_config.json") or {}
    if preprocessing.get("sampling_rate", 16_000) != 16_000:
        raise ExportError(f"{checkpoint.folder} wants {preprocessing['sampling_rate']} samples a second, not 16000")
    kernels = zip(config["conv_kernel"], config["conv_stride"], strict=True)
    return Shape(
        classes=config["vocab_size"],
        blank=int(config.get("pad_token_id") or 0),
        width=config["hidden_size"],
        heads=config["num_attention_heads"],
        layers=config["num_hidden_layers"],
        convolutions=tuple(Convolution(kernel, stride) for kernel, stride in kernels),
        position_kernel=config["num_conv_pos_embeddings"],
        position_groups=config["num_conv_pos_embedding_groups"],
        epsilon=config["layer_norm_eps"],
        normalises_audio=bool(preprocessing.get("do_normalize", True)),
        normalises_each_frame=config["feat_extract_norm"] == "layer",
        norm_first=bool(config["do_stable_layer_norm"]),
    )
