"""Calls that wait because the server takes no more at once (RFC 9113, 5.1.2)."""

import struct

from frontend.triton.http2 import frames
from frontend.triton.http2.connection import StreamError
from frontend.triton.http2.frames import frame
from tests.frontend.triton.http2.test_connection import Wire, answer


async def test_calls_beyond_what_the_server_takes_at_once_wait_for_others_to_end() -> None:
    wire = Wire()
    wire.say(frame(frames.SETTINGS, 0, 0, struct.pack(">HI", frames.MAX_CONCURRENT_STREAMS, 1)))
    wire.frames()
    (_, first), (cancelled, second), (_, third) = wire.call(), wire.call(), wire.call()
    assert [number for _, _, number, _ in wire.frames()] == [1, 1]
    wire.connection.cancel(cancelled)
    assert isinstance(second.exception(), StreamError)
    assert wire.frames() == [], "the server has heard nothing of it"
    wire.say(answer(1, b"one"))
    assert (await first).body == b"one"
    assert [number for _, _, number, _ in wire.frames()] == [5, 5]
    wire.say(answer(5, b"three"))
    assert (await third).body == b"three"


async def test_who_waits_when_the_server_goes_away_is_refused_and_may_be_asked_elsewhere() -> None:
    wire = Wire()
    wire.say(frame(frames.SETTINGS, 0, 0, struct.pack(">HI", frames.MAX_CONCURRENT_STREAMS, 1)))
    (_, first), (_, second) = wire.call(), wire.call()
    wire.frames()
    wire.say(frame(frames.GOAWAY, 0, 0, struct.pack(">II", frames.LAST_NUMBER, frames.NO_ERROR)))
    error = second.exception()
    assert isinstance(error, StreamError)
    assert error.code == frames.REFUSED_STREAM
    wire.say(answer(1, b"one"))
    assert (await first).body == b"one"
    assert wire.closed
