"""Vocabularies of byte pairs that fall back to bytes, in the format of Hugging Face's `tokenizers`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from export.failure import ExportError

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
BYTES = 256
UNKNOWN = "<unk>"
OUTER: Mapping[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    # Names of special tokens in a text are letters like any other.
    "added_tokens": [],
    "normalizer": {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": SPACE},
            {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
        ],
    },
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
        ],
    },
}
MODEL: Mapping[str, Any] = {
    "type": "BPE",
    "dropout": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": True,
    "byte_fallback": True,
    "ignore_merges": False,
}


def byte_pair_tokenizer(pieces: Sequence[bytes], first_byte: int, first_special: int) -> str:
    """The content of tokenizer.json; a piece's id is its place, and earlier ones were merged earlier.

    Which pairs are merged is not recorded, but follows: a piece is made of any two others that join to it.
    """
    bytes_end = first_byte + BYTES
    try:
        texts = [piece.decode() for piece in pieces[bytes_end:]]
        special = [piece.decode() for piece in pieces[:first_byte]]
    except UnicodeDecodeError as error:
        raise ExportError(f"the vocabulary has a piece that is no text ({error}): it is of another model") from None
    if list(pieces[first_byte:bytes_end]) != [bytes([value]) for value in range(BYTES)]:
        raise ExportError(f"the vocabulary has no bytes from {first_byte} on: it is of another model")
    every = [*special, *(f"<0x{value:02X}>" for value in range(BYTES)), *texts]
    vocabulary = {piece: number for number, piece in enumerate(every) if piece}
    words = {piece: number for piece, number in vocabulary.items() if bytes_end <= number < first_special}
    return tokenizer_json({"vocab": vocabulary, "merges": _merges(words), "unk_token": UNKNOWN})


def tokenizer_json(model: Mapping[str, Any]) -> str:
    """Each word is spelled with the space before it, the first one too, and read so again."""
    return json.dumps({**OUTER, "model": {**MODEL, **model}}, ensure_ascii=False)


def _merges(words: Mapping[str, int]) -> list[list[str]]:
    """In the order of what they make; where several make the same, of what they are made of."""
    found: list[list[str]] = []
    for word in words:
        pairs = [(word[:at], word[at:]) for at in range(1, len(word))]
        known = [pair for pair in pairs if pair[0] in words and pair[1] in words]
        found += [list(pair) for pair in sorted(known, key=lambda pair: (words[pair[0]], words[pair[1]]))]
    return found
