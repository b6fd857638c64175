"""Requests whose head does not end, on real sockets."""

import asyncio
import contextlib
import gc
import itertools
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import uvloop
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from frontend.config.settings import Server
from frontend.connection.heads import Heads
from frontend.connection.site import Site
from frontend.errors import ClientError

SOON = Server(head_seconds=0.2)
REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"


class Here:
    def __init__(self, port: int, refused: list[ClientError]) -> None:
        self.port, self.refused = port, refused

    async def said(self, *words: bytes) -> bytes:
        """All that is answered until the other side ends the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for each in words:
            writer.write(each)
            await writer.drain()
        with contextlib.closing(writer):
            async with asyncio.timeout(20):
                return await reader.read()


@contextlib.asynccontextmanager
async def serving(options: Server, shut_seconds: Sequence[float] = (0.0,)) -> AsyncIterator[Here]:
    """A server that answers with the body, which it waits for. How long this address is shut out, each time anew."""
    app, refused = web.Application(), list[ClientError]()
    shut = itertools.chain(shut_seconds, itertools.repeat(shut_seconds[-1]))

    async def back(request: web.Request) -> web.Response:
        return web.Response(text=await request.text())

    app.router.add_post("/", back)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    assert runner.server
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await Site(runner, listening, Heads(runner.server, options, refused.append, lambda _: next(shut))).start()
        try:
            yield Here(listening.getsockname()[1], refused)
        finally:
            await runner.cleanup()


async def test_a_head_that_does_not_end_is_told_so_and_hung_up_on() -> None:
    async with serving(SOON) as here:
        head, _, body = (await here.said(b"GET / HTTP/1.1\r\nHost: a\r\n")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"Connection: close" in head
        assert json.loads(body)["message"] == "the head of the request did not end within 0.2 s (server.head_seconds)"
        assert [error.code for error in here.refused] == ["slow_head"]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_head_that_comes_with_the_connection_has_as_long(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def hung_up_on() -> None:
        async with serving(SOON) as here:
            client = socket.create_connection(("127.0.0.1", here.port))
            client.sendall(b"GET /")  # before it is accepted
            reader, writer = await asyncio.open_connection(sock=client)
            with contextlib.closing(writer):
                async with asyncio.timeout(20):
                    assert b" 408 " in await reader.read()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(hung_up_on())


async def test_who_says_nothing_at_all_is_not_waited_for_either() -> None:
    async with serving(SOON) as here:
        assert await here.said(b"") == b""
        assert not here.refused


async def test_the_head_of_a_later_request_has_as_long() -> None:
    async with serving(SOON) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(REQUEST + b"body")
        await reader.readuntil(b"body")
        writer.write(b"GET /")
        assert b" 408 " in await reader.read()
        writer.close()


async def test_a_connection_without_another_request_is_closed_without_a_word() -> None:
    async with serving(Server(head_seconds=20, idle_seconds=0.2)) as here:
        assert (await here.said(REQUEST + b"body", b"\r\n")).endswith(b"body")
        assert here.refused == []


async def test_a_body_may_take_longer_than_a_head() -> None:
    """It has a limit of its own."""
    async with serving(Server(head_seconds=0.05)) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(REQUEST + b"bo")
        assert b" 408 " in await here.said(b"G"), "the time of a head is over"
        writer.write(b"dy")
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_who_leaves_amid_a_head_leaves_no_clock_behind() -> None:
    async with serving(SOON) as here:
        _, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(b"GET /")
        writer.close()
        await writer.wait_closed()
        assert b" 408 " in await here.said(b"GET /")
        assert len(here.refused) == 1


KEYS = {
    "a header": b"POST / HTTP/1.1\r\nHost: a\r\nKEY: x\r\nContent-Length: 4\r\n\r\n",
    "Authorization": b"POST / HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer x\r\nContent-Length: 4\r\n\r\n",
    "the query": b"POST /?a=b&token=x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", KEYS.values(), ids=KEYS)
async def test_whoever_is_shut_out_is_told_so_before_its_key_is_looked_at(request_bytes: bytes) -> None:
    async with serving(Server(), [7.5]) as here:
        head, _, body = (await here.said(request_bytes + b"body")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        assert b"Retry-After: 8\r\n" in head
        assert "too many wrong keys came from this address" in json.loads(body)["message"]
        assert [error.code for error in here.refused] == ["wrong_keys"]


async def test_whoever_shows_no_key_is_served_where_others_are_shut_out() -> None:
    async with serving(SOON, [7.5]) as here:
        assert b" 200 " in await here.said(REQUEST.replace(b"Host", b"Connection: close\r\nHost") + b"body")
        assert b" 408 " in await here.said(b"POST / HTTP/1.1\r\nHost: a\r\n")
        assert await here.said(b"") == b"", "who says nothing is told nothing"


async def test_whoever_is_not_shut_out_any_more_is_served() -> None:
    async with serving(Server(), [7.5, 0.0]) as here:
        request_bytes = KEYS["a header"].replace(b"Host", b"Connection: close\r\nHost")
        assert b" 200 " in await here.said(request_bytes + b"body")


NO_REQUESTS = {
    "a method in small letters": (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", "Invalid method encountered"),
    "a folded line (RFC 9112, 5.2)": (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", "Unexpected whitespace"),
    "two names": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "Duplicate 'Host' header"),
    "two lengths": (REQUEST.replace(b"Host", b"Content-Length: 5\r\nHost") + b"body", "Duplicate Content-Length"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "Received HTTPS traffic"),
}


@pytest.mark.parametrize(("sent", "words"), NO_REQUESTS.values(), ids=NO_REQUESTS)
async def test_what_is_no_request_is_told_so_in_the_form_of_all_errors(sent: bytes, words: str) -> None:
    async with serving(Server()) as here:
        head, _, body = (await here.said(sent)).partition(b"\r\n\r\n")
        assert head.split()[1] == b"400"
        assert b"Server: speech-gateway" in head.split(b"\r\n")
        told = json.loads(body)
        assert told.pop("message").startswith(f"the request cannot be understood: {words}")
        assert told == {"status": 400, "error": "Bad Request", "path": ""}


async def test_of_a_request_that_is_too_large_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Circles of half a gigabyte were there before anybody searched for them."""
    monkeypatch.setattr(logging.getLogger("aiohttp.server"), "disabled", True)  # what is logged the test keeps
    async with serving(Server()) as here:
        gc.collect()
        gc.disable()
        try:
            assert b" 400 " in await here.said(b"GET /?" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n")
            assert not [each for each in gc.get_objects() if isinstance(each, HttpProcessingError)]
        finally:
            gc.enable()
