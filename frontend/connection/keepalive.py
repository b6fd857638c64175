"""Whether a client that says nothing is still there."""

import asyncio
import contextlib
import socket

_ESTABLISHED = 1  # the first byte of what TCP says of a connection, while neither side has ended it


def probe_when_quiet(transport: asyncio.Transport, idle_seconds: int) -> None:
    """Not with Pings: lock-step clients answer those only while they wait for a reply."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # the client left during the handshake
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, max(1, idle_seconds)), (socket.TCP_KEEPINTVL, 15)):
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)


def has_left(transport: asyncio.Transport) -> bool:
    """Whether a client that is not read has ended the connection: what is not read cannot say so."""
    try:
        state = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        return True
    return bool(state[0] != _ESTABLISHED)
