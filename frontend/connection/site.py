"""A listener whose connections are served here."""

import asyncio
import socket
from collections.abc import Callable

from aiohttp import web


class Site(web.BaseSite):
    """Accepts for one listening socket; `factory` makes what serves each connection."""

    def __init__(
        self, runner: web.AppRunner, listening: socket.socket, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        super().__init__(runner)
        self._listening, self._factory = listening, factory

    @property
    def name(self) -> str:
        host, port = self._listening.getsockname()[:2]
        return f"tcp://{host}:{port}"

    async def start(self) -> None:
        await super().start()
        self._server = await asyncio.get_running_loop().create_server(self._factory, sock=self._listening)
