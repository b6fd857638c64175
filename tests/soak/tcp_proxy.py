"""A way between two programs that can be cut, reset and made slow."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

_BLOCK_BYTES = 1 << 16


class TcpProxy:
    """Passes on what comes to its port; runs in a thread of its own inside `running`."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self.delay_seconds = 0.0
        self.is_cut = False
        self.port = 0
        # What was done: connections that were ended or refused, and blocks that came later.
        self.hit = 0

    def reset(self) -> None:
        """End all connections with a reset."""
        self._loop.call_soon_threadsafe(self._reset)

    @contextlib.contextmanager
    def running(self) -> Iterator["TcpProxy"]:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.run_until_complete(self._end(server))
            self._loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        for writer in self._open:
            writer.close()
        await asyncio.sleep(0)

    def _reset(self) -> None:
        self.hit += len(self._open)
        for writer in self._open:
            with contextlib.suppress(OSError):
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            self.hit += 1
            writer.transport.abort()
            return
        try:
            there, behind = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, behind}
        self._open |= both
        await asyncio.gather(self._pass_on(reader, behind), self._pass_on(there, writer), return_exceptions=True)
        self._open -= both

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_BLOCK_BYTES):
                self.hit += self.delay_seconds > 0
                await asyncio.sleep(self.delay_seconds)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
