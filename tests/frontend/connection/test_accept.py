"""HTTP requests at the door, on a real socket: which become WebSockets, and what the others are told (RFC 6455, 4)."""

import asyncio
import gc
import json
from typing import Any

import pytest
from aiohttp import web

from frontend.config.settings import Quota
from frontend.connection import handshake
from frontend.connection.accept import Reception
from frontend.connection.framing import CLOSE, PING, PONG, TEXT, close_payload
from frontend.connection.session import Session
from frontend.connection.websocket import WebSocket
from frontend.memory.ledger import Ledger
from tests.frontend.connection.rfc6455 import frame
from tests.frontend.connection.serving import PATH, REQUEST, served

ONE_STREAM = Quota(streams=1)
OFFER = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13"}
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def but(old: bytes, new: bytes) -> bytes:
    assert old in REQUEST
    return REQUEST.replace(old, new)


REFUSED: dict[str, tuple[bytes, int, dict[str, str]]] = {
    "a plain request": (f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 426, OFFER),
    "HTTP/1.0": (but(b"HTTP/1.1", b"HTTP/1.0"), 426, OFFER),
    "HEAD": (but(b"GET", b"HEAD"), 426, OFFER),
    "POST": (but(b"GET", b"POST").replace(b"Host", b"Content-Length: 0\r\nHost"), 405, {"allow": "GET,HEAD"}),
    "another protocol": (but(b"Upgrade: websocket", b"Upgrade: h2c"), 426, OFFER),
    "an older version": (but(b"Version: 13", b"Version: 8"), 426, OFFER),
    "no version": (but(b"Sec-WebSocket-Version: 13\r\n", b""), 426, OFFER),
    "no key": (but(KEY, b""), 400, {}),
    "a short key": (but(KEY, b"Sec-WebSocket-Key: AAAA\r\n"), 400, {}),
    "two keys": (but(KEY, KEY + KEY), 400, {}),
    "no Connection": (but(b"Connection: keep-alive, Upgrade\r\n", b""), 400, {}),
    "another Connection": (but(b"keep-alive, Upgrade", b"keep-alive"), 400, {}),
    "no Host": (but(b"Host: localhost\r\n", b""), 400, {}),
}


@pytest.mark.parametrize(("request_bytes", "status", "headers"), REFUSED.values(), ids=REFUSED)
async def test_what_is_no_handshake_is_told_what_to_come_back_with(
    request_bytes: bytes, status: int, headers: dict[str, str]
) -> None:
    async with served() as here:
        client = await here.client()
        client.send(request_bytes)
        first, *lines = (await client.head()).strip().split("\r\n")
        told = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert first.split()[1] == str(status)
        assert told | headers == told


async def test_a_refused_client_may_try_again_on_the_same_connection() -> None:
    async with served() as here:
        client = await here.client()
        client.send(but(b"Version: 13", b"Version: 8"))
        head = await client.head()
        assert " 426 " in head
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        assert b"must be 13" in await client.exactly(length)
        client.send(REQUEST)
        assert " 101 " in await client.head()
        client.send(frame(PING, b"x"))
        assert await client.frame() == (PONG, b"x")
        await client.closed()


@pytest.mark.parametrize("path", [b"/", b"/elsewhere?token=1"])
async def test_an_upgrade_on_a_path_that_nobody_names_belongs_to_the_first_frame(path: bytes) -> None:
    async with served() as here:
        client = await here.client()
        client.send(but(PATH.encode(), path))
        assert "X-Transcription-Id" in await client.head()
        await client.closed()


async def test_of_the_request_that_became_a_connection_nothing_is_kept() -> None:
    """It would be more than all that is kept of the connection."""
    async with served() as here:
        client = await here.upgraded()
        client.send(frame(TEXT, b"16000"))
        assert await client.frame() == (TEXT, b"200")
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, web.Request | web.RequestHandler)]
        await client.closed()


async def test_a_connection_that_is_over_leaves_nothing_to_search_for() -> None:
    """Circles would be found only after hundreds of thousands of objects, in a pause that everybody notices."""
    gc.collect()
    gc.disable()
    try:
        async with served() as here:
            client = await here.upgraded()
            client.send(frame(TEXT, b"16000"))
            assert await client.frame() == (TEXT, b"200")
            await client.closed()
        assert not [each for each in gc.get_objects() if isinstance(each, Session | WebSocket)]
    finally:
        gc.enable()


async def test_a_client_is_counted_for_all_workers_before_it_is_told_that_it_is_in() -> None:
    """It may ask another worker for the last place at once."""
    ledger, told, accepted = Ledger(rows=2), [], handshake.accepted

    def tells(*facts: Any) -> bytes:
        told.append(ledger.tally("connections").total)
        return accepted(*facts)

    async with served(ledger=ledger) as here:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(handshake, "accepted", tells)
            clients = [await here.upgraded() for _ in range(2)]
        for client in clients:
            await client.closed()
    assert told == [1, 2]
    assert ledger.tally("connections").total == 0


async def test_there_are_as_many_places_as_the_settings_say_and_none_while_the_gateway_stops() -> None:
    async with served(max_connections=1) as here:
        client = await here.upgraded()
        other = await here.client()
        other.send(REQUEST)
        assert " 503 " in await other.head()
        await client.closed()
        await here.nothing_left()
        await here.reception.drain()
        other = await here.client()
        other.send(REQUEST)
        assert " 503 " in await other.head()


async def test_a_protocol_is_allowed_by_its_name() -> None:
    async with served(of_address=Quota(protocols=("speech_summary_stream",))) as here:
        await (await here.upgraded()).closed()
    async with served(of_address=Quota(protocols=("live",))) as here:
        client = await here.client()
        client.send(REQUEST)
        assert " 403 " in await client.head()


async def test_whose_key_is_one_still_never_notices_that_keys_were_exchanged() -> None:
    async with served() as here:
        client = await here.upgraded()
        here.reception.look_again()
        client.send(frame(PING, b"x"))
        assert await client.frame() == (PONG, b"x")
        await client.closed()


async def test_each_process_gives_away_ids_of_its_own() -> None:
    async with served(ledger=Ledger(rows=2)) as here:
        ids = [int(here.reception.new_id(), 16) for _ in range(64)]
        assert not any(each % 2 for each in ids)
        assert len(set(ids)) == 64


async def test_a_handshake_that_fails_here_takes_no_place() -> None:
    def fails(*_: object) -> bytes:
        raise RuntimeError

    async with served(of_address=ONE_STREAM) as here:
        client = await here.client()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(handshake, "accepted", fails)
            client.send(REQUEST)
            assert " 500 " in await client.head()
        client = await here.upgraded()
        await client.closed()


async def test_a_session_that_cannot_begin_is_told_so_and_keeps_no_place() -> None:
    taken_over = handshake.taken_over

    def fails(below: asyncio.BaseProtocol) -> bytes:
        taken_over(below)
        raise RuntimeError

    async with served(close_linger_seconds=0.1, of_address=ONE_STREAM) as here:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(handshake, "taken_over", fails)
            client = await here.upgraded()
            assert await client.frame() == (CLOSE, close_payload(1011, "internal error"))
            assert await client.rest() == b""
        await here.nothing_left()
        client = await here.upgraded()
        await client.closed()


async def test_a_plain_connection_that_cannot_begin_is_told_so_and_keeps_no_place() -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    async with served(close_linger_seconds=0.1, of_address=ONE_STREAM) as here:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Reception, "_begin", fails)
            client = await here.client("wyoming")
            assert json.loads(await client.rest())["data"] == {"text": "internal error", "code": "1011"}
        client = await here.client("wyoming")
        client.send(b'{"type": "describe"}\n')
        assert json.loads(await client.line())["type"] == "info"
        client.stop_sending()
