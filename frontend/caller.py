"""Who is at the other end of a connection."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    connection_id: str
    address: str
    key_name: str | None = None
