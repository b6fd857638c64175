"""What has to be true of this machine before anything is started. Each check returns a problem in one line, or None.

A problem says what to do about it. The functions take the facts as arguments and look nothing up themselves, except
where the fact is the look-up (a port, a disk).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHONS = ((3, 11), (3, 12))  # one lock holds for both: each package has wheels for both under its pinned hashes
MIN_GLIBC = (2, 35)
MIN_DISK_BYTES = 1 << 30
MIN_SHARED_MEMORY_BYTES = 32 << 20  # a megabyte for each model instance, and what their largest batches need
GOOD_SHARED_MEMORY_BYTES = 256 << 20


@dataclass(frozen=True)
class Listener:
    setting: str  # section.key in the configuration, or the flag of a program
    host: str
    port: int

    @property
    def override(self) -> str:
        if self.setting.startswith("--"):
            return self.setting
        section, _, key = self.setting.upper().partition(".")
        return f"GATEWAY_{section}__{key}"

    @property
    def host_override(self) -> str:
        if self.setting.startswith("--"):
            return "--host"
        section = self.setting.upper().partition(".")[0]
        return f"GATEWAY_{'SERVER' if section == 'PORTS' else section}__HOST"


def python_problem(version: Sequence[int]) -> str | None:
    if tuple(version[:2]) in PYTHONS:
        return None
    return f"Python {version[0]}.{version[1]} is not supported: make the environment again with Python 3.11 or 3.12"


def glibc_problem(library: str | None) -> str | None:
    """`library` as in os.confstr("CS_GNU_LIBC_VERSION")."""
    name, _, version = (library or "an unknown C library").partition(" ")
    if name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= MIN_GLIBC:
        return None
    return f"Triton needs glibc 2.35 or newer, this is {library}: use Debian 12, Ubuntu 22.04 or later, or a container"


def numpy_problem(version: str | None) -> str | None:
    if version is None:
        return "numpy is not installed: delete .venv and start again, which installs everything"
    if int(version.split(".", 1)[0]) < 2:
        return None
    return f"numpy {version} makes Triton's stubs read zeros, silently: `pip install 'numpy<2'` into this environment"


def libpython_problem(directory: Path | None) -> str | None:
    if directory is not None:
        return None
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"libpython{python}.so.1.0 is missing, which Triton's stubs need: `apt-get install libpython{python}`, "
        "or a Python built with --enable-shared"
    )


def disk_problem(path: Path, min_bytes: int = MIN_DISK_BYTES) -> str | None:
    existing = next(each for each in (path, *path.parents) if each.exists())
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < min_bytes:
        return f"{path} has {_mebibytes(free_bytes)} free and needs {_mebibytes(min_bytes)}: make room on that disk"
    if not os.access(existing, os.W_OK):
        return f"{path} cannot be written: change its owner, or run in another directory"
    return None


def shared_memory_problem(free_bytes: int) -> str | None:
    if free_bytes >= MIN_SHARED_MEMORY_BYTES:
        return None
    return (
        f"/dev/shm has {_mebibytes(free_bytes)} free and Triton needs {_mebibytes(MIN_SHARED_MEMORY_BYTES)}: "
        "delete what fills it, in a container raise its size (--shm-size=1g)"
    )


def shared_memory_warning(free_bytes: int) -> str | None:
    if not MIN_SHARED_MEMORY_BYTES <= free_bytes < GOOD_SHARED_MEMORY_BYTES:
        return None
    return f"/dev/shm has only {_mebibytes(free_bytes)} free: enough to try, too little for load (--shm-size=1g)"


def open_files_problem(allowed: int, needed: int) -> str | None:
    """`allowed` is the hard limit, to which the gateway raises the soft one by itself."""
    if allowed >= needed:
        return None
    return (
        f"only {allowed} open files are allowed and server.max_connections may take {needed}: raise the hard limit "
        "(ulimit -Hn, LimitNOFILE=, --ulimit nofile=) or set GATEWAY_SERVER__MAX_CONNECTIONS lower"
    )


def port_problems(listeners: Sequence[Listener]) -> list[str]:
    """Every port is held until all are tried, so one that is configured twice is found as well."""
    problems: list[str] = []
    holders: dict[int, str] = {}
    with contextlib.ExitStack() as held:
        for listener in listeners:
            problem = _port_problem(listener, holders, held)
            problems += [problem] if problem else []
            holders.setdefault(listener.port, listener.setting)
    return list(dict.fromkeys(problems))  # of a host that is not here, not one for each port


def _port_problem(listener: Listener, holders: Mapping[int, str], held: contextlib.ExitStack) -> str | None:
    where = f"port {listener.port} of {listener.host} ({listener.setting})"
    change = f"set {listener.override} to another"
    if listener.port in holders:
        return f"{where} is also {holders[listener.port]}: {change}"
    try:
        family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
        held.enter_context(socket.create_server((listener.host, listener.port), family=family))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return (
                f"{where} is busy: stop what listens there (`ss -ltnp sport = :{listener.port}` says what) or {change}"
            )
        # A name that nobody knows has a negative number.
        if error.errno == errno.EADDRNOTAVAIL or (error.errno or 0) < 0:
            return f"{listener.host} is no address of this machine: set {listener.host_override} to one that is"
        return f"{where} cannot be listened on ({error.strerror or error}): {change}"
    return None


def _mebibytes(size_bytes: int) -> str:
    return f"{size_bytes >> 20} MiB"
