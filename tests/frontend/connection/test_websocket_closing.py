"""How a WebSocket ends, over a scripted transport: whoever closes first, and whatever the other does then."""

import asyncio

import pytest

from frontend.connection.framing import BINARY, CLOSE, CONTINUATION, PING, TEXT, close_payload
from tests.frontend.connection.rfc6455 import UNMASKED, encode_frame, frame
from tests.frontend.connection.scripted_transport import ScriptedTransport, Wire, client_close, turn

SOON_SECONDS = 0.02


def our_close(code: int, reason: str = "") -> bytes:
    return encode_frame(CLOSE, close_payload(code, reason))


async def ended(closing: "asyncio.Task[None]", seconds: float = 5.0) -> None:
    """Long before anything lingers."""
    async with asyncio.timeout(seconds):
        await closing


async def test_a_close_of_ours_waits_for_the_clients() -> None:
    wire = Wire().listening()
    closing = await wire.closing(1001, "going")
    assert wire.transport.written == [our_close(1001, "going")]
    assert not wire.transport.closing
    wire.receive(client_close(1001))
    await ended(closing)
    assert wire.transport.written == [our_close(1001, "going")]
    assert wire.transport.closing
    assert wire.heard.times_gone == 0, "nobody listens any more"


@pytest.mark.parametrize("code", [1000, 3000, 4999])
async def test_a_close_of_the_clients_is_answered_with_its_code(code: int) -> None:
    wire = Wire().listening()
    wire.receive(client_close(code, "a reason of its own"))
    assert wire.heard.times_gone == 1
    await ended(await wire.closing(1013, "a reason of ours"))
    assert wire.transport.written == [our_close(code)]


async def test_a_close_without_a_code_is_answered_without_one() -> None:
    wire = Wire().listening()
    wire.receive(frame(CLOSE))
    await ended(await wire.closing())
    assert wire.transport.written == [encode_frame(CLOSE, b"")]


async def test_nothing_is_said_after_our_close() -> None:
    wire = Wire().listening()
    closing = await wire.closing()
    wire.socket.send(b"late")
    wire.receive(frame(PING, b"late"))
    assert wire.transport.written == [our_close(1000)]
    wire.receive(client_close(1000))
    await ended(closing)


async def test_a_pong_that_waits_when_we_close_is_dropped() -> None:
    wire = Wire().listening()
    wire.socket.pause_writing()
    wire.receive(frame(PING, b"p"))
    closing = await wire.closing()
    wire.socket.resume_writing()
    assert wire.transport.written == [our_close(1000)]
    assert wire.heard.times_writable == 0
    wire.receive(client_close(1000))
    await ended(closing)


async def test_what_comes_after_our_close_is_discarded_and_not_held() -> None:
    wire = Wire().listening()
    wire.receive(frame(BINARY, b"half", final=False))
    assert wire.held.used_bytes == 4
    closing = await wire.closing()
    assert wire.held.used_bytes == 0
    wire.receive(frame(CONTINUATION, bytes(1000)), frame(TEXT, b"more"))
    assert (wire.heard.messages, wire.held.used_bytes) == ([], 0)
    wire.receive(client_close(1000))
    await ended(closing)


async def test_what_waits_unread_when_we_close_is_read_up_to_the_clients_close() -> None:
    """It was held back, and its Close is behind what had come."""
    wire = Wire().listening()
    wire.heard.then = lambda: wire.socket.hold_back(True)
    wire.receive(*[frame(TEXT, b"x")] * 20, client_close(1000))
    assert wire.transport.paused
    await ended(await wire.closing())
    assert len(wire.heard.messages) == 1
    assert wire.transport.written == [our_close(1000)]


async def test_no_more_than_a_bound_is_read_after_our_close() -> None:
    wire = Wire(discard_bytes=1000).listening()
    closing = await wire.closing()
    wire.receive(frame(BINARY, bytes(1000)))
    await turn(3)
    assert not wire.transport.closing
    wire.receive(frame(BINARY, bytes(1)))
    await ended(closing)
    wire.receive(frame(BINARY, bytes(1)))  # on its way, and nobody's any more
    assert wire.transport.closing


async def test_a_client_that_does_not_answer_our_close_has_a_short_time() -> None:
    wire = Wire(linger_seconds=SOON_SECONDS).listening()
    await ended(await wire.closing())
    assert wire.transport.closing
    assert wire.transport.written == [our_close(1000)]


async def test_a_client_that_reads_nothing_keeps_the_socket_no_longer_than_that() -> None:
    wire = Wire(linger_seconds=SOON_SECONDS).listening()
    wire.transport.closes = False
    await ended(await wire.closing())
    assert wire.transport.aborted
    wire.transport.lose(None)


async def test_a_client_that_ends_the_connection_instead_of_closing_is_not_waited_for() -> None:
    wire = Wire().listening()
    closing = await wire.closing()
    assert wire.socket.eof_received() is False
    await ended(closing)


async def test_a_client_that_ends_its_side_has_gone() -> None:
    wire = Wire().listening()
    wire.receive(frame(TEXT, b"last"))
    assert wire.socket.eof_received() is False
    assert (wire.heard.contents, wire.heard.times_gone) == ([b"last"], 1)
    wire.transport.close()  # which asyncio does for a False
    await ended(await wire.closing())
    assert wire.transport.written == []


async def test_a_connection_that_is_lost_while_it_is_used_has_gone() -> None:
    wire = Wire().listening()
    wire.receive(frame(BINARY, b"half", final=False))
    wire.transport.lose(ConnectionResetError())
    assert wire.heard.times_gone == 1
    wire.socket.send(b"to nobody")
    await ended(await wire.closing())
    assert wire.transport.written == []
    assert wire.held.used_bytes == 0


async def test_a_connection_that_is_lost_while_we_close_ends_the_wait() -> None:
    wire = Wire().listening()
    closing = await wire.closing()
    wire.transport.lose(ConnectionResetError())
    await ended(closing)


async def test_a_connection_that_is_lost_before_anybody_listens_ends_quietly() -> None:
    wire = Wire()
    wire.transport.set_protocol(wire.socket)
    wire.transport.lose(None)
    await ended(await wire.closing())
    assert wire.transport.written == []


async def test_after_bytes_that_are_no_frames_the_client_sees_that_nothing_more_comes() -> None:
    """Its own Close would not be understood."""
    wire = Wire().listening()
    wire.receive(UNMASKED)
    (error,) = wire.heard.errors
    closing = await wire.closing(error.close_code, str(error))
    assert wire.transport.written == [our_close(1002, str(error))]
    assert wire.transport.eof
    wire.socket.eof_received()
    await ended(closing)


async def test_bytes_that_are_no_frames_after_our_close_are_worth_no_more_waiting() -> None:
    wire = Wire().listening()
    closing = await wire.closing()
    wire.receive(UNMASKED)
    await ended(closing)
    assert wire.heard.errors == []


async def test_a_message_that_is_too_large_after_our_close_is_waited_behind() -> None:
    """It says nothing of the client, which may close behind it."""
    wire = Wire(message_bytes=100, linger_seconds=SOON_SECONDS).listening()
    closing = await wire.closing()
    wire.receive(frame(BINARY, bytes(101)))
    await turn()
    assert not wire.transport.closing
    await ended(closing)


async def test_closing_before_anybody_listened_says_so() -> None:
    wire = Wire(linger_seconds=SOON_SECONDS)
    wire.transport.closing = True  # lost in the same turn
    await ended(await wire.closing(1001, "going"))
    assert (wire.transport.written, wire.transport.aborted) == ([], True)


async def test_a_transport_that_is_closing_is_not_told_to_read() -> None:
    transport = ScriptedTransport()
    wire = Wire(transport=transport).listening()
    wire.socket.hold_back(True)
    transport.close()
    wire.socket.hold_back(False)
    assert transport.paused
    await turn(2)
    assert wire.heard.times_gone == 1
