"""Who may use what needs a key: names for the keys of the settings, compared without telling how far they agree."""

import hmac
from collections.abc import Mapping, Sequence


class Keyring:
    def __init__(self, clients: Sequence[str]) -> None:
        """Of entries "name:key"."""
        self._names_by_key = [(key.encode(), name) for name, _, key in (entry.partition(":") for entry in clients)]

    def __bool__(self) -> bool:
        """Whether anybody needs a key at all."""
        return bool(self._names_by_key)

    def name_of(self, key: str) -> str | None:
        """Whose key it is; every key is looked at, so that the time says nothing."""
        given = key.encode(errors="surrogatepass")
        found = None
        for known, name in self._names_by_key:
            if hmac.compare_digest(known, given):
                found = name
        return found


def key_in(headers: Mapping[str, str]) -> str | None:
    """The key that a request carries: `key: K`, `Authorization: K` or `Authorization: Bearer K`."""
    text = headers.get("key") or headers.get("Authorization") or ""
    scheme, _, rest = text.partition(" ")
    return (rest if scheme.lower() == "bearer" else text).strip() or None
