"""Clients that leave before they are answered: what was begun for them stops."""

import asyncio
import functools

from aiohttp import web
from aiohttp.typedefs import Handler

# How often is looked whether the client is still there; it says nothing by itself while a request is worked on.
_LOOK_SECONDS = 0.2


def stops_when_left(handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def stopping(request: web.Request) -> web.StreamResponse:
        work = asyncio.ensure_future(handler(request))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=_LOOK_SECONDS)
                gone = request.transport is None or request.transport.is_closing()
                if gone and not work.done():
                    raise ConnectionResetError("the client left")
            return work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    return stopping
