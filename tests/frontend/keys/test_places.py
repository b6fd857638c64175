"""Where requests carry a key: all the places that the clients of the protocols know."""

from collections.abc import Mapping

import pytest
from multidict import CIMultiDict, MultiDict

from frontend.keys.places import IN_REQUEST, bare, keys_in, subprotocol

PROTOCOLS = "Sec-WebSocket-Protocol"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        *(
            ({name: f"{scheme}K"}, {})
            for name in ("key", "KEY", "Authorization")
            for scheme in ("", "Bearer ", "token ")
        ),
        ({}, {"token": "K"}),
        ({}, {"api_key": "K"}),
        ({PROTOCOLS: "openai-insecure-api-key.K"}, {}),
        ({PROTOCOLS: "realtime, openai-insecure-api-key.K, openai-beta.realtime-v1"}, {}),
        ({PROTOCOLS: "token, K"}, {}),
        ({PROTOCOLS: "Token,K"}, {}),
    ],
)
def test_a_request_shows_its_key(headers: Mapping[str, str], query: Mapping[str, str]) -> None:
    assert keys_in(CIMultiDict(headers), MultiDict(query), IN_REQUEST) == ["K"]


def test_subprotocols_may_stand_in_lines_of_their_own() -> None:
    """RFC 6455, 11.3.4."""
    headers = CIMultiDict(((PROTOCOLS, "token"), (PROTOCOLS, "K")))
    assert keys_in(headers, MultiDict(), IN_REQUEST) == ["K"]
    assert subprotocol(headers) == "token"


def test_nobody_shows_a_thousand_keys_at_once() -> None:
    """Each would be hashed, and all of them be one mistake."""
    headers = CIMultiDict({PROTOCOLS: ",".join(f"token, {number}" for number in range(1000))})
    assert len(keys_in(headers, MultiDict(), IN_REQUEST)) <= 16


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"key": ""},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": "Negotiate abc"},
        {PROTOCOLS: "token"},
        {PROTOCOLS: "realtime, openai-insecure-api-key."},
        {PROTOCOLS: "chat, superchat"},
    ],
)
def test_what_is_no_key_is_none(headers: Mapping[str, str]) -> None:
    assert keys_in(CIMultiDict(headers), {"sample_rate": "16000"}, IN_REQUEST) == []


def test_every_key_is_found_but_only_where_it_may_be() -> None:
    headers, query = (
        CIMultiDict({"key": "1", "Authorization": "2", PROTOCOLS: "token, 5"}),
        {"token": "3", "api_key": "4"},
    )
    assert keys_in(headers, query, IN_REQUEST) == ["1", "2", "3", "4", "5"]
    assert keys_in(headers, query, {"query"}) == ["3", "4"]
    assert keys_in(headers, query, {"message"}) == []


@pytest.mark.parametrize("text", [" K ", "Bearer K", "bearer  K", "Token K"])
def test_a_scheme_is_no_part_of_the_key(text: str) -> None:
    assert bare(text) == "K"


def test_a_key_may_hold_spaces() -> None:
    assert bare("my own key") == "my own key"


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ("realtime, openai-insecure-api-key.K", "realtime"),
        ("openai-insecure-api-key.K, realtime", "realtime"),
        ("openai-insecure-api-key.K", "openai-insecure-api-key.K"),
        ("token, K", "token"),
        ("chat, superchat", None),
        ("", None),
    ],
)
def test_a_client_with_its_key_among_the_subprotocols_is_answered_one(offered: str, agreed: str | None) -> None:
    assert subprotocol(CIMultiDict({PROTOCOLS: offered})) == agreed
