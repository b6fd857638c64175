"""Key files: read at the start, and again whenever one changed."""

import asyncio
import contextlib
import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from frontend.errors import SettingsError
from frontend.keys.hashed import HashedKey, read
from frontend.keys.keyring import Keyring
from frontend.keys.quotas import SETTINGS, Changes, changes_of
from frontend.telemetry.logs import Log

_ANYBODYS = stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP

_State = tuple[int, int, int] | None


@dataclass
class Filed:
    """What files hold: keys, and what is said of names."""

    keys: list[HashedKey] = field(default_factory=list)
    changes: dict[str, Changes] = field(default_factory=dict)


class KeyFiles:
    """Whoever is no more in them opens no new connection; a file that cannot be used changes nothing, and is told."""

    def __init__(
        self,
        paths: Sequence[str],
        clients: Sequence[str],
        secret: bytes | None = None,
        protocols: Collection[str] | None = None,
    ) -> None:
        """SettingsError where a file cannot be used from the start, or allows what is none of the `protocols`."""
        self._paths = [Path(path) for path in paths]
        self._protocols = protocols
        self._log = Log("keys")
        self._states = self._look()
        filed = self._read()
        self.keyring = Keyring(clients, filed.keys if paths else None, secret)
        self.keyring.exchange(filed.keys, filed.changes)

    async def watch(self, period_seconds: float) -> None:
        """Take over what changes, until cancelled."""
        while True:
            await asyncio.sleep(period_seconds)
            await self.refresh()

    async def refresh(self) -> None:
        states = await asyncio.to_thread(self._look)
        if states == self._states:
            return
        self._states = states  # what is wrong with a file is told once, until it changes again
        try:
            filed = await asyncio.to_thread(self._read)
        except SettingsError as e:
            self._log.warning("the keys stay as they were", reason=str(e))
            return
        self.keyring.exchange(filed.keys, filed.changes)
        self._log.info("keys exchanged", keys=len(filed.keys))

    def _look(self) -> list[_State]:
        """What differs once a file was written or replaced."""
        return [_state(path) for path in self._paths]

    def _read(self) -> Filed:
        filed = Filed()
        for path in self._paths:
            _read_file(path, filed, self._protocols)
            with contextlib.suppress(OSError):
                self._warn(path)
        return filed

    def _warn(self, path: Path) -> None:
        if path.stat().st_mode & _ANYBODYS:
            self._log.warning("others may read or write a key file", path=path, advice=f"chmod 600 {path}")


def keys_in(path: Path) -> list[HashedKey]:
    filed = Filed()
    _read_file(path, filed, None)
    return filed.keys


def _read_file(path: Path, filed: Filed, protocols: Collection[str] | None) -> None:
    """What a file holds; its lines are never repeated, a key may stand there by mistake."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as e:
        raise SettingsError(f"no key file {path}: make one with python -m frontend.keys add NAME --file {path}") from e
    except OSError as e:
        raise SettingsError(f"cannot read the key file {path} ({e.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"cannot read the key file {path} (it is no UTF-8)") from None
    for number, line in enumerate(map(str.strip, lines), 1):
        try:
            if line and not line.startswith("#"):
                _read_line(line, filed, protocols)
        except ValueError as e:
            raise SettingsError(f"key file {path}, line {number}: {e}") from None


def _read_line(line: str, filed: Filed, protocols: Collection[str] | None) -> None:
    if (key := read(line)) is not None:
        filed.keys.append(key)
        return
    if (said := changes_of(line)) is None:
        settings = ", ".join(f"{each}=" for each in SETTINGS)
        raise ValueError(f"must be name:sha256$salt$hash, or a name and any of {settings}, or begin with #")
    name, changes = said
    if name in filed.changes:
        raise ValueError(f"{name} has such a line already")
    if unknown := set(changes.get("protocols", ())) - set(protocols or changes.get("protocols", ())):
        raise ValueError(f"protocols must be any of {', '.join(sorted(protocols or unknown))}")
    filed.changes[name] = changes


def _state(path: Path) -> _State:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
