"""Short-lived keys that the gateway signs: for pages, which must not hold the key of whoever runs them.

A ticket says itself whose it is, until when, and what for; nothing is kept of it.
"""

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# By which its holders' libraries know one.
PREFIX = "ek_"
_SECRET_BYTES = 32
LONGEST_BYTES = 4096


@dataclass(frozen=True)
class Ticket:
    """Without a name where nobody needs a key."""

    name: str | None
    expires: int  # in seconds since 1970
    terms: Mapping[str, Any] = field(default_factory=dict)
    # By which of its owner's keys it was made: it goes as that goes.
    mark: str = ""
    # What it is good for; empty: all that its owner may.
    protocols: tuple[str, ...] = ()


class Tickets:
    """`secret` is shared by all processes that are to take what one of them gave."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(_SECRET_BYTES)

    def issue(self, ticket: Ticket) -> str:
        told = [ticket.name, ticket.expires, ticket.terms, ticket.mark, ticket.protocols]
        content = json.dumps(told, separators=(",", ":"))
        text = _written(content.encode())
        return f"{PREFIX}{text}.{_written(self._signature(text))}"

    def read(self, key: str) -> Ticket | None:
        """None for what was not issued here, and for what has expired."""
        text, _, signature = key.removeprefix(PREFIX).partition(".")
        if not key.startswith(PREFIX) or len(key) > LONGEST_BYTES or not key.isascii():
            return None
        if not hmac.compare_digest(signature, _written(self._signature(text))):
            return None
        try:
            name, expires, terms, mark, protocols = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, binascii.Error):
            return None
        return Ticket(name, expires, terms, mark, tuple(protocols)) if time.time() < expires else None

    def derived(self, of: str) -> str:
        """The same for all who share the secret, and nothing to anybody else."""
        return self._signature(f"derived {of}").hex()

    def _signature(self, text: str) -> bytes:
        return hmac.digest(self._secret, text.encode(), "sha256")


def _written(data: bytes) -> str:
    """In letters that every place for keys takes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
