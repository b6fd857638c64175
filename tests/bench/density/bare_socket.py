"""`python -m tests.bench.density.bare_socket PORT`: aiohttp's WebSocket on uvloop, which answers and does nothing else.

It is what the gateway is measured against: no server on this library can cost less.
"""

import asyncio
import sys

import uvloop
from aiohttp import WSMsgType, web


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Parameters are accepted as the gateway accepts them, audio is answered with a short text."""
    response = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
    await response.prepare(request)
    async for message in response:
        if message.type == WSMsgType.BINARY:
            await response.send_str("false")
        elif message.type == WSMsgType.TEXT:
            await response.send_str("200")
    return response


async def serve(port: int) -> None:
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", talk)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
