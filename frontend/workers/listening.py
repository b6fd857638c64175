"""The sockets of the listeners, which are there before anybody serves: who connects too early waits.

Several workers listen on sockets of their own that share a port (SO_REUSEPORT of socket(7)): the system gives each new
connection to one of them. A foreign process that has the port already is an error all the same.
"""

import errno
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from frontend.config.settings import Settings
from frontend.errors import SettingsError

BACKLOG = 128
ADMIN = "admin"
Listeners = Mapping[str, Sequence[socket.socket]]


@dataclass(frozen=True)
class Address:
    name: str
    host: str
    port: int
    setting: str


def addresses(settings: Settings) -> list[Address]:
    host, admin = settings.server.host, settings.admin
    found = [Address(name, host, port, f"PORTS__{name.upper()}") for name, port in settings.port_numbers.items()]
    return [*found, Address(ADMIN, admin.host, admin.port, "ADMIN__PORT")] if admin.enabled else found


def bound(wanted: Iterable[Address], shared: bool) -> Listeners:
    """Of each listener its sockets, one for each address of the host; port 0 lets the system choose."""
    listeners: dict[str, list[socket.socket]] = {}
    for each in wanted:
        try:
            _bind(each, shared, listeners.setdefault(each.name, []))
        except OSError as e:
            close(listeners)
            raise SettingsError(f"cannot listen on {each.host}:{each.port} ({e.strerror}): {_advice(each, e)}") from e
    return listeners


def _advice(wanted: Address, error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        section = wanted.name.upper() if wanted.name == ADMIN else "SERVER"
        return f"set GATEWAY_{section}__HOST to an address of this machine"
    if error.errno == errno.EACCES:
        return f"set GATEWAY_{wanted.setting} to a port from 1024 on"
    return f"free the port or set GATEWAY_{wanted.setting}"


def bound_beside(listeners: Listeners) -> Listeners:
    """The same addresses once more, for another worker."""
    return {name: [_beside(each) for each in sockets] for name, sockets in listeners.items()}


def close(listeners: Listeners) -> None:
    for sockets in listeners.values():
        for each in sockets:
            each.close()


def _bind(wanted: Address, shared: bool, sockets: list[socket.socket]) -> None:
    found = socket.getaddrinfo(wanted.host or None, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, *_, address in dict.fromkeys(found):
        one = _new(family)
        sockets.append(one)
        chosen = sockets[0].getsockname()[1] if wanted.port == 0 and len(sockets) > 1 else address[1]
        one.bind((address[0], chosen, *address[2:]))
        _listen(one)
        if shared:  # only now: the port was nobody's before, not even of one who would share it
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def _beside(other: socket.socket) -> socket.socket:
    one = _new(other.family)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(other.getsockname())
    _listen(one)
    return one


def _listen(one: socket.socket) -> None:
    one.listen(BACKLOG)
    one.setblocking(False)


def _new(family: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return one
