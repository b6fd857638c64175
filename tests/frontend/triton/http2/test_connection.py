"""Calls over a connection whose server is scripted, frame by frame."""

import asyncio
import struct
from collections.abc import Iterable
from typing import Any

import pytest

from frontend.triton.http2 import frames, hpack
from frontend.triton.http2.connection import Connection, Response, StreamError
from frontend.triton.http2.frames import frame

BEGINNING, END = hpack.written([(b":status", b"200")]), hpack.written([(b"grpc-status", b"0")])
MOST_BYTES = 1000


class Wire(asyncio.Transport):
    """Keeps what is written; the server's side feeds what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = self.aborted = False
        self.connection = Connection(MOST_BYTES)
        self.connection.connection_made(self)
        self.preface, self.sent = self.sent, b""

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.sent += b"".join(list_of_data)

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.connection.connection_lost(None)

    def abort(self) -> None:
        self.aborted = True
        self.connection.connection_lost(None)

    def call(self) -> "tuple[int, asyncio.Future[Response]]":
        return self.connection.call(b"fields", b"body")

    def say(self, *said: bytes) -> None:
        self.connection.data_received(b"".join(said))

    def frames(self) -> list[tuple[int, int, int, bytes]]:
        """What was sent since: kind, flags, number and payload of each."""
        found, data = list[tuple[int, int, int, bytes]](), self.sent
        while data:
            size = int.from_bytes(data[:3], "big")
            found.append((data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + size]))
            data = data[9 + size :]
        self.sent = b""
        return found


def answer(number: int, *parts: bytes) -> bytes:
    data = b"".join(frame(frames.DATA, 0, number, part) for part in parts)
    beginning = frame(frames.HEADERS, frames.END_HEADERS, number, BEGINNING)
    return beginning + data + frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, number, END)


async def test_a_connection_begins_with_what_we_want() -> None:
    wire = Wire()
    assert wire.preface.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert struct.pack(">HI", frames.HEADER_TABLE_SIZE, 0) in wire.preface
    assert struct.pack(">HI", frames.ENABLE_PUSH, 0) in wire.preface


async def test_a_call_is_answered() -> None:
    wire = Wire()
    number, response = wire.call()
    assert wire.frames() == [
        (frames.HEADERS, frames.END_HEADERS, number, b"fields"),
        (frames.DATA, frames.END_STREAM, number, b"body"),
    ]
    wire.say(answer(number, b"some", b"thing"))
    assert await response == ({":status": "200", "grpc-status": "0"}, b"something")


async def test_answers_may_come_in_any_order_and_in_any_pieces() -> None:
    wire = Wire()
    (first, one), (second, other) = wire.call(), wire.call()
    assert (first, second) == (1, 3)
    said = answer(second, b"other") + answer(first, b"one")
    for at in range(len(said)):
        wire.say(said[at : at + 1])
    assert ((await one).body, (await other).body) == (b"one", b"other")


async def test_settings_are_acknowledged_and_pings_answered() -> None:
    wire = Wire()
    wire.say(frame(frames.SETTINGS, 0, 0, struct.pack(">HI", 3, 100)), frame(frames.PING, 0, 0, b"12345678"))
    wire.say(frame(frames.SETTINGS, frames.ACK, 0, b""), frame(frames.PING, frames.ACK, 0, b"12345678"))
    assert wire.frames() == [(frames.SETTINGS, frames.ACK, 0, b""), (frames.PING, frames.ACK, 0, b"12345678")]


async def test_a_body_waits_for_its_window_and_goes_on() -> None:
    wire = Wire()
    wire.say(
        frame(
            frames.SETTINGS, 0, 0, struct.pack(">HIHI", frames.INITIAL_WINDOW_SIZE, 2, frames.MAX_FRAME_SIZE, 1 << 14)
        )
    )
    number, _ = wire.call()
    assert wire.frames()[-1] == (frames.DATA, 0, number, b"bo")
    wire.say(frames.window_update(number, 1))
    assert wire.frames() == [(frames.DATA, 0, number, b"d")]
    wire.say(frame(frames.SETTINGS, 0, 0, struct.pack(">HI", frames.INITIAL_WINDOW_SIZE, 3)))
    assert wire.frames() == [(frames.SETTINGS, frames.ACK, 0, b""), (frames.DATA, frames.END_STREAM, number, b"y")]


async def test_padding_priorities_and_header_fields_in_parts_are_understood() -> None:
    wire = Wire()
    number, response = wire.call()
    wire.say(
        frame(frames.HEADERS, frames.PADDED | frames.PRIORITY, number, b"\x02" + bytes(5) + BEGINNING[:4] + b"xx"),
        frame(frames.CONTINUATION, 0, number, BEGINNING[4:6]),
        frame(frames.CONTINUATION, frames.END_HEADERS, number, BEGINNING[6:]),
        frame(frames.DATA, frames.PADDED, number, b"\x03datapad"),
        frame(2, 0, number, bytes(5)),  # a priority, which says nothing any more
        frame(99, 0, 0, b"what nobody knows"),
        frame(frames.DATA, frames.END_STREAM, number, b""),
    )
    assert await response == ({":status": "200"}, b"data")


async def test_a_cancelled_call_is_told_and_forgotten() -> None:
    wire = Wire()
    number, response = wire.call()
    wire.frames()
    wire.connection.cancel(number)
    wire.connection.cancel(number)
    assert wire.frames() == [(frames.RST_STREAM, 0, number, struct.pack(">I", frames.CANCEL))]
    wire.say(answer(number, b"late"))
    with pytest.raises(StreamError, match="cancelled"):
        await response


async def test_a_call_that_the_server_ends_fails_alone() -> None:
    wire = Wire()
    (number, lost), (other, kept) = wire.call(), wire.call()
    wire.say(frame(frames.RST_STREAM, 0, number, struct.pack(">I", frames.REFUSED_STREAM)), answer(other, b"kept"))
    with pytest.raises(StreamError, match="HTTP/2 error 7") as raised:
        await lost
    assert raised.value.code == frames.REFUSED_STREAM
    assert (await kept).body == b"kept"
    assert wire.connection.usable


async def test_a_response_that_is_too_large_fails_alone() -> None:
    wire = Wire()
    (number, large), (other, small) = wire.call(), wire.call()
    wire.frames()
    wire.say(frame(frames.DATA, 0, number, bytes(MOST_BYTES)), frame(frames.DATA, 0, number, b"1"), answer(other, b"s"))
    with pytest.raises(StreamError, match="too large"):
        await large
    assert wire.frames() == [(frames.RST_STREAM, 0, number, struct.pack(">I", frames.CANCEL))]
    assert (await small).body == b"s"


async def test_who_goes_away_answers_what_it_took_and_is_asked_nothing_more() -> None:
    wire = Wire()
    (first, kept), (_, lost) = wire.call(), wire.call()
    wire.say(frame(frames.GOAWAY, 0, 0, struct.pack(">II", first, frames.NO_ERROR)))
    assert not wire.connection.usable
    with pytest.raises(StreamError, match="goes away") as raised:
        await lost
    assert raised.value.code == frames.REFUSED_STREAM
    assert not wire.closed
    wire.say(answer(first, b"kept"))
    assert (await kept).body == b"kept"
    assert wire.closed


async def test_calls_are_lost_with_the_connection() -> None:
    wire = Wire()
    _, response = wire.call()
    wire.connection.connection_lost(None)
    with pytest.raises(StreamError, match="the connection is lost") as raised:
        await response
    assert raised.value.code is None
    assert not wire.connection.usable


async def test_a_server_that_takes_nothing_any_more_does_not_keep_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.triton.http2.connection._CLOSING_SECONDS", 0.01)
    wire = Wire()
    monkeypatch.setattr(wire, "close", lambda: None)  # what was written cannot leave
    await wire.connection.close()
    assert wire.aborted


async def test_a_call_that_comes_after_the_connection_is_lost_fails_at_once() -> None:
    wire = Wire()
    wire.abort()
    with pytest.raises(StreamError, match="the connection is lost"):
        wire.call()


async def test_closing_says_so() -> None:
    wire = Wire()
    await wire.connection.close()
    assert wire.frames() == [(frames.GOAWAY, 0, 0, bytes(8))]
    assert wire.closed


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xbe"),
        frame(frames.HEADERS, 0, 1, b"") + frame(frames.DATA, 0, 1, b""),
        frame(frames.CONTINUATION, 0, 1, b""),
        frame(frames.HEADERS, 0, 1, bytes(1 << 15)) + frame(frames.CONTINUATION, 0, 1, bytes(1 << 16)),
        frame(frames.PUSH_PROMISE, frames.END_HEADERS, 1, bytes(4)),
        frame(frames.DATA, frames.PADDED, 1, b"\x05abc"),
        frame(frames.DATA, frames.PADDED, 1, b""),
        frame(frames.WINDOW_UPDATE, 0, 0, b"\0"),
        frame(frames.RST_STREAM, 0, 1, b""),
        frame(frames.GOAWAY, 0, 0, b""),
        frame(frames.SETTINGS, 0, 0, b"\0"),
    ],
)
async def test_what_is_no_http2_ends_the_connection(said: bytes) -> None:
    wire = Wire()
    _, response = wire.call()
    wire.say(said)
    assert wire.aborted
    with pytest.raises(StreamError, match="the server speaks no HTTP/2"):
        await response
