"""What is known of a client that is not read."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

import pytest
import uvloop

from frontend.connection.keepalive import has_left
from tests.triton_server import wait_until

RESET = struct.pack("ii", 1, 0)


@pytest.mark.parametrize("abrupt", [False, True])
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_that_a_client_left_is_known_though_it_is_not_read(
    new_loop: Callable[[], asyncio.AbstractEventLoop], abrupt: bool
) -> None:
    async def leave() -> None:
        arrived: asyncio.Queue[asyncio.Transport] = asyncio.Queue()

        class Unread(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                unread = cast(asyncio.Transport, transport)
                unread.pause_reading()
                arrived.put_nowait(unread)

        server = await asyncio.get_running_loop().create_server(Unread, "127.0.0.1", 0)
        with contextlib.closing(server), socket.create_connection(server.sockets[0].getsockname()) as client:
            transport = await asyncio.wait_for(arrived.get(), 10)
            client.sendall(b"not read")
            assert not has_left(transport)
            if abrupt:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            await asyncio.to_thread(wait_until, lambda: has_left(transport), 10)
            transport.abort()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(leave())
