"""What OpenAI's audio API tells alike over HTTP and over sockets: errors, probabilities, what was used."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from frontend.errors import (
    FieldError,
    GatewayError,
    OverloadedError,
    QuotaError,
    ServiceError,
    UnauthorizedError,
    WrongKeysError,
)
from frontend.speech import Word

# The least probability that a logarithm is told of.
_LEAST_PROBABILITY = 1e-6


def error_of(message: str, error: GatewayError | None, server: bool) -> Mapping[str, Any]:
    """`server` says whose fault it is."""
    kind, code = "server_error" if server else "invalid_request_error", error.code if error else None
    if isinstance(error, OverloadedError):
        kind, code = "rate_limit_error", "rate_limit_exceeded"
    elif isinstance(error, QuotaError | WrongKeysError):
        anew_tomorrow = isinstance(error, QuotaError) and error.quota.endswith("_a_day")
        kind, code = ("insufficient_quota",) * 2 if anew_tomorrow else ("rate_limit_error", "rate_limit_exceeded")
    elif isinstance(error, UnauthorizedError):
        code = "invalid_api_key"
    elif isinstance(error, FieldError):
        code = "invalid_value"
    param = error.field if isinstance(error, FieldError) else None
    return {"message": message, "type": kind, "param": param, "code": code}


def error_told(error: GatewayError) -> Mapping[str, Any]:
    return error_of(str(error), error, isinstance(error, ServiceError))


def usage(audio_seconds: float) -> Mapping[str, Any]:
    return {"type": "duration", "seconds": round(audio_seconds, 3)}


def languages(code: str) -> Sequence[Mapping[str, str]]:
    """Those that were found: one or none."""
    return [{"code": code}] if code else []


def logprobs(words: Sequence[Word]) -> Sequence[Mapping[str, Any]]:
    """A word is a token here."""
    return [
        {
            "token": word.text,
            "bytes": list(word.text.encode()),
            "logprob": round(math.log(max(_LEAST_PROBABILITY, word.confidence)), 6),
        }
        for word in words
    ]
