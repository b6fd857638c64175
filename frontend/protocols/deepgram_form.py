"""What Deepgram's live and prerecorded APIs have in common: what a query asks for, and how words and errors look."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from multidict import MultiMapping

from frontend.errors import ClientError, GatewayError
from frontend.machines.timeline import text_of
from frontend.protocols.base import SHOWN_CHARACTERS, language_of
from frontend.speech import Manifest, Word

# Whoever asks for these would be given another result than the one asked for.
_CANNOT = (
    *("diarize", "diarize_model", "redact", "callback", "replace", "search", "detect_entities", "profanity_filter"),
    *("summarize", "sentiment", "topics", "detect_topics", "intents", "numerals", "dictation", "measurements"),
    "translate",
)
# These change nothing here; nor do `model`, `version` and `tag`, which name something and ask for nothing.
_NOTHING = (
    *("extra", "mip_opt_out", "keyterm", "keywords", "filler_words", "paragraphs", "no_delay", "utt_split"),
    *("language_hint", "callback_method", "custom_topic", "custom_topic_mode", "custom_intent", "custom_intent_mode"),
)
_MULTI = "multi"
_OFF = ("", "false", "0", "no")


class QueryError(ClientError):
    """A parameter that cannot be used, or cannot be honoured."""


class RemoteContentError(ClientError):
    """A recording that is elsewhere and cannot be had."""


@dataclass(frozen=True)
class Query:
    """The parameters of a request; each is asked for by its kind."""

    values: MultiMapping[str]

    def check(self) -> Sequence[str]:
        """QueryError for what cannot be honoured; the names of what changes nothing."""
        for name in _CANNOT:
            if any(value.strip().lower() not in _OFF for value in self.values.getall(name, [])):
                raise QueryError(f"{name} is not supported here: leave it out")
        return [name for name in _NOTHING if name in self.values]

    def text(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def flag(self, name: str) -> bool:
        return self.text(name).lower() not in _OFF

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number within bounds; None where it is not there."""
        text = self.text(name)
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
            raise QueryError(f"{name} must be a whole number from {least} to {most}")
        return int(text)

    @property
    def multi(self) -> bool:
        return self.text("language").lower() == _MULTI

    def language(self, known: Sequence[str]) -> str | None:
        """As the recogniser writes it: of `en-US` it may know `en` alone. None: not said; empty: to be detected."""
        text = self.text("language")
        if not text:
            return None
        if self.multi:
            return ""
        base = text.lower().replace("_", "-")
        try:
            return language_of(base if base in known else base.partition("-")[0], known)
        except ClientError as e:
            raise QueryError(f"unsupported language: {text[:SHOWN_CHARACTERS]}") from e

    @property
    def punctuated(self) -> bool:
        return self.flag("punctuate") or self.flag("smart_format")


def alternative(words: Sequence[Word], punctuated: bool) -> dict[str, Any]:
    """Its text as it was recognised where punctuation is wanted, else in plain small letters."""
    shown = [_word(word, punctuated) for word in words]
    plain = " ".join(word["word"] for word in shown if word["word"])
    return {
        "transcript": text_of(words).strip() if punctuated else plain,
        "confidence": round(sum(word.confidence for word in words) / len(words), 6) if words else 0.0,
        "words": shown,
    }


def _word(word: Word, punctuated: bool) -> dict[str, Any]:
    text = word.text.strip()
    shown = {
        "word": _bare(text),
        "start": round(word.start_seconds, 3),
        "end": round(word.end_seconds, 3),
        "confidence": round(word.confidence, 6),
    }
    return {**shown, "punctuated_word": text} if punctuated else shown


def _bare(text: str) -> str:
    """In small letters, without the punctuation around it."""
    ends = [place for place, letter in enumerate(text) if letter.isalnum()]
    return text[ends[0] : ends[-1] + 1].lower() if ends else text


def model_info(manifest: Manifest) -> tuple[str, dict[str, str]]:
    """An id made of the recogniser's identity, and what it is called."""
    name = manifest.model
    return str(uuid.UUID(manifest.identity[:32])), {"name": name, "version": manifest.identity[:12], "arch": name}


_CODES = {401: "INVALID_AUTH", 403: "FORBIDDEN", 429: "TOO_MANY_REQUESTS"}


def refusal(status: int, message: str, error: GatewayError | None, request_id: str) -> tuple[int, Mapping[str, Any]]:
    """The body that its clients know."""
    code = _CODES.get(status, HTTPStatus(status).phrase)
    if isinstance(error, QueryError):
        code = "INVALID_QUERY_PARAMETER"
    elif isinstance(error, RemoteContentError):
        code = "REMOTE_CONTENT_ERROR"
    return status, {"err_code": code, "err_msg": message, "request_id": request_id}
