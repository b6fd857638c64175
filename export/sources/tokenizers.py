"""Vocabularies as one `tokenizer.json`: taken as it is, or put together from the files of older checkpoints."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from export.failure import ExportError
from export.sources.folder import Checkpoint
from export.sources.letter_tokenizer import character_tokenizer

MARKER = re.compile(r"<\|.+\|>")


def whisper_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    path = checkpoint.folder / "tokenizer.json"
    if path.is_file():
        try:
            return Tokenizer.from_file(str(path))
        except Exception as error:  # the package raises bare Exception
            raise ExportError(f"{path} cannot be read ({error}): fetch it again") from None
    letters = (checkpoint.json("vocabulary.json") or {}).get("tokens")
    if isinstance(letters, list):
        return letter_tokenizer([str(letter) for letter in letters])
    vocabulary, merges = checkpoint.json("vocab.json"), checkpoint.folder / "merges.txt"
    if vocabulary is None or not merges.is_file():
        raise ExportError(f"{checkpoint.folder} has no tokenizer: neither tokenizer.json nor vocab.json and merges.txt")
    return _byte_pairs(vocabulary, merges.read_text(encoding="utf-8"), _added(checkpoint))


def letter_tokenizer(tokens: Sequence[str]) -> Tokenizer:
    """One token a letter, its id is its place."""
    return Tokenizer.from_str(character_tokenizer(tokens).decode())


def _byte_pairs(vocabulary: dict[str, Any], merges: str, added: Mapping[str, int]) -> Tokenizer:
    lines = [line for line in merges.splitlines() if line and not line.startswith("#version")]
    pairs = [(first, second) for first, _, second in (line.partition(" ") for line in lines)]
    try:
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    except Exception as error:  # the package raises bare Exception
        raise ExportError(f"vocab.json and merges.txt are not of one tokenizer: {error}") from None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    _add(tokenizer, added)
    return tokenizer


def _added(checkpoint: Checkpoint) -> dict[str, int]:
    """Special tokens with their ids, from whichever file a version of the library wrote them to."""
    # <|endoftext|> belongs to the vocabulary that Whisper's was made of, and is written with it.
    inside = {token: int(number) for token, number in (checkpoint.json("vocab.json") or {}).items()
              if MARKER.fullmatch(token)}  # fmt: skip
    plain = checkpoint.json("added_tokens.json")
    if plain is not None:
        return inside | {str(token): int(number) for token, number in plain.items()}
    described = (checkpoint.json("tokenizer_config.json") or {}).get("added_tokens_decoder")
    if not described:
        raise ExportError(
            f"{checkpoint.folder} does not say its special tokens: it needs tokenizer.json or added_tokens.json"
        )
    return inside | {str(facts["content"]): int(number) for number, facts in described.items()}


def _add(tokenizer: Tokenizer, tokens: Mapping[str, int]) -> None:
    """The package numbers added tokens itself, from the end of the vocabulary: it must come to the same ids."""
    for token, number in sorted(tokens.items(), key=lambda item: item[1]):
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)])
        if tokenizer.token_to_id(token) != number:
            raise ExportError(f"the token {token} has id {number}, but its place in the vocabulary is "
                              f"{tokenizer.token_to_id(token)}")  # fmt: skip


def special_tokens(tokenizer: Tokenizer) -> dict[str, int]:
    """Added tokens by name."""
    described = json.loads(tokenizer.to_str()).get("added_tokens") or []
    return {str(token["content"]): int(token["id"]) for token in described}
