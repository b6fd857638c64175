"""Whether a client that says nothing is still there."""

import asyncio
import contextlib
import socket


def probe_when_quiet(transport: asyncio.Transport, idle_seconds: int) -> None:
    """Not with Pings: lock-step clients answer those only while they wait for a reply."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # the client left during the handshake
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, max(1, idle_seconds)), (socket.TCP_KEEPINTVL, 15)):
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
