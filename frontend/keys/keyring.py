"""Whose key is it? Answered without telling how far a wrong one agrees."""

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from frontend.config.settings import LONGEST_KEY_BYTES
from frontend.keys.hashed import HashedKey, digest_of, hashed
from frontend.keys.quotas import Changes
from frontend.keys.tickets import Ticket, Tickets

_MARK_CHARACTERS = 16


class Keyring:
    """The keys of the settings and those of key files, which may be exchanged for others at any time."""

    def __init__(
        self, clients: Sequence[str] = (), filed: Sequence[HashedKey] | None = None, secret: bytes | None = None
    ) -> None:
        """Of entries "name:key" and, where there are key files, of what they hold; tickets are signed with a secret."""
        self.tickets = Tickets(secret)
        # One salt for all processes, so that they know each other's tickets.
        salt = self.tickets.derived("salt")
        self._clients = [hashed(name, key, salt) for name, _, key in (entry.partition(":") for entry in clients)]
        self._needed = bool(clients) or filed is not None
        # Told when keys were exchanged.
        self.on_exchange: Callable[[], None] = lambda: None
        self.exchange(filed or ())

    def __bool__(self) -> bool:
        """Whether anybody needs a key at all; so it stays when the last key of a file is revoked."""
        return self._needed

    def exchange(self, filed: Iterable[HashedKey], changes: Mapping[str, Changes] = MappingProxyType({})) -> None:
        """Have these in place of what the key files held before, and what they say of names."""
        # Files use one salt for all their keys: a key that is shown is hashed once a file, not once a line.
        by_salt: dict[str, list[HashedKey]] = {}
        for each in (*self._clients, *filed):
            by_salt.setdefault(each.salt, []).append(each)
        self._by_salt = by_salt
        self._marks = {self.mark(each): each.name for known in by_salt.values() for each in known}
        self.changes = changes
        self.on_exchange()

    def mark(self, key: HashedKey) -> str:
        """By which one of several keys of a name is known, without telling it."""
        return self.tickets.derived(f"mark {key.line}")[:_MARK_CHARACTERS]

    def has(self, name: str | None, mark: str) -> bool:
        """Whether the key is still one."""
        return self._marks.get(mark, "") == name

    def ticket_of(self, text: str) -> Ticket | None:
        """A ticket that is good: as long as the key is one that it was made with."""
        ticket = self.tickets.read(text)
        return ticket if ticket and (not self._needed or self.has(ticket.name, ticket.mark)) else None

    def name_of(self, key: str) -> str | None:
        return found.name if (found := self.find(key)) else None

    def find(self, key: str) -> HashedKey | None:
        """Every key is looked at, so that the time says nothing."""
        given = key.encode(errors="surrogatepass")
        if len(given) > LONGEST_KEY_BYTES:
            return None
        found = None
        for salt, known in self._by_salt.items():
            digest = digest_of(given, salt)
            for each in known:
                if hmac.compare_digest(each.digest, digest):
                    found = each
        return found
