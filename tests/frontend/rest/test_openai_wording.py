"""Each error in OpenAI's form, with the status by which its libraries know what to do."""

import json

import pytest

from frontend.errors import (
    AudioError,
    DeadlineError,
    FieldError,
    GatewayError,
    LimitError,
    OverloadedError,
    QuotaError,
    UnauthorizedError,
    UnavailableError,
    UnknownModelError,
    WrongKeysError,
)
from frontend.protocols.openai_wording import logprobs
from frontend.rest.openai_wording import failure, refusal
from frontend.speech import Word


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (FieldError("language", "what?"), 400, "invalid_request_error", "invalid_value"),
        (AudioError("what?"), 400, "invalid_request_error", "audio"),
        (UnauthorizedError("what?"), 401, "invalid_request_error", "invalid_api_key"),
        (UnknownModelError("what?"), 404, "invalid_request_error", "model_not_found"),
        (LimitError("what?"), 413, "invalid_request_error", "limit"),
        (OverloadedError("what?"), 429, "rate_limit_error", "rate_limit_exceeded"),
        (QuotaError("requests_a_minute", "what?", 5.0), 429, "rate_limit_error", "rate_limit_exceeded"),
        (QuotaError("bytes_a_day", "what?", 5.0), 429, "insufficient_quota", "insufficient_quota"),
        (UnavailableError("what?"), 503, "server_error", "unavailable"),
        (DeadlineError("what?"), 504, "server_error", "deadline"),
    ],
)
def test_an_error_has_its_status_its_kind_and_its_code(error: GatewayError, status: int, kind: str, code: str) -> None:
    told, body = refusal(error.status, str(error), error)
    param = "language" if isinstance(error, FieldError) else None
    assert (told, body) == (status, {"error": {"message": "what?", "type": kind, "param": param, "code": code}})


def test_who_shows_wrong_keys_at_speed_may_come_back_soon() -> None:
    status, body = refusal(WrongKeysError.status, "wait", WrongKeysError(4.0))
    assert (status, body["error"]["type"], body["error"]["code"]) == (429, "rate_limit_error", "rate_limit_exceeded")


def test_what_fails_on_the_way_is_an_event_that_holds_an_error() -> None:
    data = failure(UnavailableError("the models do not answer"))
    assert data.startswith(b"data: ")
    assert data.endswith(b"\n\n")
    assert json.loads(data.removeprefix(b"data: "))["error"]["message"] == "the models do not answer"


def test_a_word_that_is_impossible_has_a_logarithm_all_the_same() -> None:
    (told,) = logprobs([Word(" ä", 0, 1, 0.0)])
    assert told["bytes"] == [0x20, 0xC3, 0xA4]
    assert told["logprob"] == pytest.approx(-13.8, abs=0.1)
