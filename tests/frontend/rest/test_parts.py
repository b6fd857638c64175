"""Multipart bodies that are made of nothing but parts, or of lines around them."""

import asyncio

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from frontend.errors import ClientError
from frontend.rest.parts import Parts

PART = b"--x\r\nA: b\r\n\r\n\r\n"


def request_of(body: bytes) -> web.Request:
    """All of which has come."""
    loop = asyncio.get_running_loop()
    content = StreamReader(BaseProtocol(loop), 1 << 16, loop=loop)
    content.feed_data(body)
    content.feed_eof()
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    return make_mocked_request("POST", "/", headers, payload=content)


async def taken(body: bytes) -> tuple[int, int]:
    """How many parts there are, and how often others had their turn meanwhile."""
    turns, parts = 0, Parts(request_of(body))

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    there = asyncio.create_task(others())
    count = 0
    while await parts.next() is not None:
        count += 1
    there.cancel()
    return count, turns


async def test_others_have_their_turn_between_parts() -> None:
    count, turns = await taken(PART * 200 + b"--x--\r\n")
    assert count == 200
    assert turns >= 200


async def test_and_between_the_lines_before_them() -> None:
    count, turns = await taken(b"\r\n" * 5000 + PART + b"--x--\r\n")
    assert count == 1
    assert turns >= 5000


async def test_more_parts_than_a_form_has_are_refused_whatever_they_hold() -> None:
    assert (await taken(PART * 256 + b"--x--\r\n"))[0] == 256
    with pytest.raises(ClientError, match="more than 256 parts"):
        await taken(PART * 257 + b"--x--\r\n")
