"""What is kept of a key in a key file: a line `name:sha256$salt$hash`, from which nobody learns the key.

The hash is of the salt's text followed by the key. One round of it is enough: keys that are made here hold 192 random
bits, and nobody tries those out.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass

NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
_LINE = re.compile(rf"({NAME.pattern}):sha256\$([0-9a-f]{{8,64}})\$([0-9a-f]{{64}})")


@dataclass(frozen=True)
class HashedKey:
    name: str
    salt: str
    digest: bytes

    @property
    def line(self) -> str:
        return f"{self.name}:sha256${self.salt}${self.digest.hex()}"


def digest_of(key: bytes, salt: str) -> bytes:
    return hashlib.sha256(salt.encode() + key).digest()


def hashed(name: str, key: str, salt: str) -> HashedKey:
    return HashedKey(name, salt, digest_of(key.encode(), salt))


def read(line: str) -> HashedKey | None:
    """The key of a line; None where it holds none."""
    found = _LINE.fullmatch(line)
    return HashedKey(found[1], found[2], bytes.fromhex(found[3])) if found else None


def new_key() -> str:
    """Letters and digits alone, which every place takes where clients may put a key."""
    return secrets.token_hex(24)


def new_salt() -> str:
    return secrets.token_hex(16)
