"""A vocabulary of letters in the format of Hugging Face's `tokenizers`: each letter a token, nothing else changed."""

import json
import re
from collections.abc import Sequence
from typing import Any

# <|en|>, <pad>, [UNK]. Other tokens of several letters are sounds that a language writes so, such as "ch".
MARKER = re.compile(r"<.+>|\[[A-Z]+\]")


def character_tokenizer(tokens: Sequence[str]) -> bytes:
    """The content of tokenizer.json; a token's id is its place, markers are special."""
    special = [
        {"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False}
        | {"normalized": False, "special": True}
        for number, token in enumerate(tokens)
        if MARKER.fullmatch(token)
    ]
    facts: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        # Without merges every letter stays alone; one that is not in the vocabulary is left out.
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": [],
        },
    }
    return json.dumps(facts, ensure_ascii=False, indent=1).encode()
