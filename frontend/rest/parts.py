"""Multipart bodies, part by part."""

import asyncio
from typing import Any, cast

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web

from frontend.errors import ClientError

_MOST_PARTS = 256


class Parts:
    """Of one body; what is no multipart body raises one of aiohttp's errors."""

    def __init__(self, request: web.Request) -> None:
        self._reader = MultipartReader(request.headers, cast(StreamReader, _Content(request.content)))
        self._taken = 0

    async def next(self) -> BodyPartReader | None:
        """ClientError for more than any form has, and for another body in this one."""
        part = await self._reader.next()
        self._taken += part is not None
        if self._taken > _MOST_PARTS:
            raise ClientError(f"the body has more than {_MOST_PARTS} parts")
        if isinstance(part, MultipartReader):
            raise ClientError("multipart bodies inside another are not supported")
        return part


class _Content:
    """The body as aiohttp reads it, but for lines: between two of them the others have their turn.

    A line that has come is not waited for, and of empty parts and lines tens of thousands come at once.
    """

    def __init__(self, content: StreamReader) -> None:
        self._content = content

    async def readline(self, **how: Any) -> bytes:
        await asyncio.sleep(0)
        return await self._content.readline(**how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)
