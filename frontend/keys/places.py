"""Where clients put their key: what the door and the protocols look for."""

from collections.abc import Iterator, Mapping, Set
from typing import Literal

from multidict import MultiMapping

# `message` is the protocol's own: it reads its messages itself.
Place = Literal["header", "query", "subprotocol", "message"]
IN_REQUEST: frozenset[Place] = frozenset({"header", "query", "subprotocol"})

_SCHEMES = ("bearer", "token")
# What a proxy or a browser puts there on its own account.
_OTHER_SCHEMES = ("basic", "digest", "negotiate", "ntlm")
_OPENAI = "openai-insecure-api-key."
# What clients offer who show their key elsewhere, and hang up as well.
_REALTIME = "realtime"
_MOST_OFFERED = 16
_PAIRS = ("token", "bearer")


def keys_in(headers: MultiMapping[str], query: Mapping[str, str], places: Set[Place]) -> list[str]:
    """Every key that a request shows in one of these places, as far as it has them."""
    found = []
    if "header" in places:
        found += [bare(headers.get("key", "")), bare(headers.get("Authorization", ""))]
    if "query" in places:
        found += [query.get("token", "").strip(), query.get("api_key", "").strip()]
    if "subprotocol" in places:
        found += [key for _, key in _in_subprotocols(_offered(headers))]
    return [key for key in found if key]


def bare(text: str) -> str:
    """The key in `K`, `Bearer K` or `Token K`; empty where another scheme stands there."""
    scheme, _, rest = text.strip().partition(" ")
    if rest and scheme.lower() in _OTHER_SCHEMES:
        return ""
    return rest.strip() if rest and scheme.lower() in _SCHEMES else text.strip()


def subprotocol(headers: MultiMapping[str]) -> str | None:
    """What is agreed on with a client that shows its key there: browsers hang up when nothing is."""
    offered = _offered(headers)
    with_keys = [name for name, _ in _in_subprotocols(offered)]
    if not with_keys:
        return _REALTIME if _REALTIME in offered else None
    return next((each for each in offered if not each.startswith(_OPENAI)), with_keys[0])


def _offered(headers: MultiMapping[str]) -> list[str]:
    """It may stand in several lines (RFC 6455, 11.3.4); no client offers more than a few."""
    offered = ",".join(headers.getall("Sec-WebSocket-Protocol", [])).split(",", _MOST_OFFERED)
    return [each.strip() for each in offered[:_MOST_OFFERED]]


def _in_subprotocols(offered: list[str]) -> Iterator[tuple[str, str]]:
    """Each key with the subprotocol that announces it: `openai-insecure-api-key.K`, `token` before `K`, or `bearer`."""
    for each, following in zip(offered, [*offered[1:], ""], strict=True):
        if each.startswith(_OPENAI):
            yield each, each.removeprefix(_OPENAI)
        elif each.lower() in _PAIRS and following:
            yield each, following
