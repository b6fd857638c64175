"""Who is at the other end of a connection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    connection_id: str
    address: str
    key_name: str | None = None
    # What the key was made for, where it says so.
    terms: Mapping[str, Any] = field(default_factory=dict)
    # Which of the name's keys it is, without telling the key.
    mark: str = ""
    # What the ticket is good for, where one was shown; empty: all that its owner may.
    protocols: tuple[str, ...] = ()
    by_ticket: bool = False
