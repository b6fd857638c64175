"""The tokens a decoder starts from: text before, task, and words that the result must begin with."""

from __future__ import annotations

import math
import unicodedata

from .graph import DETECTED_LANGUAGE, Row
from .manifest import RATE, Manifest, Tokens
from .vocabulary import Vocabulary
from .wish import RequestError, Wish
from .words import spoken_language, with_space

# Tokens beyond those that the audio's length allows: the shortest sounds may hold a whole word of letters.
_TOKENS_AT_LEAST = 16
# A client's text of more letters for each token that there is room for is not even looked at: it would take seconds.
_LETTERS_A_TOKEN = 256


def row(wish: Wish, manifest: Manifest, vocabulary: Vocabulary) -> Row:
    tokens = manifest.tokens
    assert tokens is not None
    forced = _forced(wish, manifest, vocabulary)
    task = _task(wish, tokens)
    room = manifest.max_tokens - len(task) - len(forced)
    if room < 1:
        most = manifest.max_tokens - len(task) - 1
        raise RequestError(f"PREFIX takes {len(forced)} tokens, the model has room for {most}")
    before = _before(wish, manifest, vocabulary)[-min(manifest.max_tokens // 2, room - 1) :] if room > 1 else []
    previous = [tokens.previous, *before[1:]] if before and tokens.previous is not None else []
    prompt = (*previous, *task, *forced)
    limit = min(manifest.max_tokens - len(prompt), _most_tokens(wish, manifest, len(forced)))
    return Row(wish.audible, prompt, len(forced), 0 if wish.silent else limit)


def language_row(wish: Wish, manifest: Manifest) -> Row:
    assert manifest.tokens is not None
    return Row(wish.audible, (manifest.tokens.start,))


def _task(wish: Wish, tokens: Tokens) -> list[int]:
    found = [tokens.start]
    if tokens.languages:
        found.append(tokens.languages[wish.language] if wish.language else DETECTED_LANGUAGE)
    if tokens.tasks:
        found.append(tokens.tasks[wish.task])
    return found if tokens.no_timestamps is None else [*found, tokens.no_timestamps]


def _forced(wish: Wish, manifest: Manifest, vocabulary: Vocabulary) -> list[int]:
    if not wish.prefix or wish.silent or not manifest.capabilities.prefix:
        return []
    language = spoken_language(wish.language, wish.task)
    text = "".join(with_space(word, language) for word in wish.prefix)
    if len(text) > _LETTERS_A_TOKEN * manifest.max_tokens:
        raise RequestError(f"PREFIX has {len(text)} letters, the model has room for {manifest.max_tokens} tokens")
    found = _spelled(text, "PREFIX", manifest, vocabulary)
    # A vocabulary of letters passes over those that it has not; the result would begin with other words.
    if _plain(vocabulary.text(found)) != _plain(text):
        raise RequestError(f"PREFIX has letters that the model cannot spell: {text.strip()[:40]!r}")
    return found


def _before(wish: Wish, manifest: Manifest, vocabulary: Vocabulary) -> list[int]:
    """A place for the token that opens it, then hotwords and previous text."""
    texts = [", ".join(wish.hotwords)] if manifest.capabilities.hotwords and wish.hotwords else []
    texts += [wish.prompt] if manifest.capabilities.prompt and wish.prompt else []
    if not texts:
        return []
    text = f" {' '.join(texts)}"[-_LETTERS_A_TOKEN * manifest.max_tokens :]
    found = _spelled(text, "PROMPT or HOTWORDS", manifest, vocabulary)
    return [0, *found] if found else []


def _spelled(text: str, tensor: str, manifest: Manifest, vocabulary: Vocabulary) -> list[int]:
    """Without the special tokens that a text may name: the words of a client give the decoder no orders."""
    assert manifest.tokens is not None
    return [token for token in vocabulary.encode(text, tensor) if token < manifest.tokens.first_special]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _most_tokens(wish: Wish, manifest: Manifest, forced: int) -> int:
    """A decoder that has lost its way goes on after the end of speech; nobody speaks this fast."""
    limits = [wish.max_tokens] if wish.max_tokens else []
    rate, spare = manifest.guards.tokens_per_second, manifest.guards.spare_tokens
    if rate is not None:
        least = _TOKENS_AT_LEAST if spare is None else int(spare)
        spoken = math.ceil(rate * len(wish.audio) / RATE) + least
        limits.append(max(spoken - forced, least))
    return min(limits, default=manifest.max_tokens)
