"""A plain connection of events without a network: what is heard, how it waits, and how it ends."""

import asyncio
import json

from frontend.config import settings
from frontend.connection.arriving import Bounds
from frontend.connection.event_framing import MOST_HEADER_BYTES
from frontend.connection.event_socket import EventSocket
from frontend.errors import FramingError, OverloadedError
from frontend.memory.budget import Budget
from tests.frontend.connection.scripted_transport import Heard, ScriptedTransport
from tests.frontend.fakes import budget

PING = b'{"type": "ping", "data": {}}'


class Plain:
    """Both ends in hand."""

    def __init__(self, held: Budget | None = None, linger_seconds: float = 10.0, head_seconds: float = 10.0) -> None:
        self.held, self.transport, self.heard = held or budget(), ScriptedTransport(), Heard()
        bounds = Bounds(1 << 20, 5000, self.held)
        options = settings.Server(close_linger_seconds=linger_seconds, head_seconds=head_seconds)
        self.arrived: list[EventSocket] = []
        self.socket = EventSocket(bounds, options, self.arrived.append)
        self.transport.protocol = self.socket
        self.socket.connection_made(self.transport)

    def say(self, data: bytes) -> None:
        self.socket.data_received(data)

    def listen(self) -> None:
        self.socket.listen(self.heard)


def chunk(payload: bytes) -> bytes:
    return json.dumps({"type": "audio-chunk", "payload_length": len(payload)}).encode() + b"\n" + payload


async def ended(plain: Plain, code: int, reason: str) -> None:
    await asyncio.wait_for(plain.socket.close(code, reason), 10)
    for message in plain.heard.messages:
        message.close()
    assert plain.held.used_bytes == 0


async def test_what_comes_before_anybody_listens_is_heard_then() -> None:
    plain = Plain()
    assert plain.arrived == [plain.socket]
    plain.say(PING + b"\n" + chunk(b"abcdef")[:-3])
    assert plain.heard.messages == []
    plain.listen()
    plain.say(b"def")
    assert plain.heard.contents == [PING, b'{"type": "audio-chunk", "data": {}}', b"abcdef"]
    assert [message.kind for message in plain.heard.messages] == ["text", "text", "binary"]
    plain.transport.lose(None)
    assert plain.heard.times_gone == 1
    await ended(plain, 1000, "")


async def test_many_events_leave_the_others_their_turn_and_the_client_waits() -> None:
    plain = Plain()
    plain.listen()
    plain.say((PING + b"\n") * 20)
    assert (len(plain.heard.messages), plain.transport.paused) == (8, True)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (len(plain.heard.messages), plain.transport.paused) == (20, False)
    plain.transport.lose(None)
    await ended(plain, 1000, "")


async def test_who_is_far_ahead_is_held_back() -> None:
    plain = Plain()
    plain.listen()
    plain.socket.hold_back(True)
    plain.say(PING + b"\n")
    assert (plain.heard.messages, plain.transport.paused) == ([], True)
    plain.socket.hold_back(False)
    await asyncio.sleep(0)
    assert (plain.heard.contents, plain.transport.paused) == ([PING], False)
    plain.socket.pause_writing()
    assert not plain.socket.writable
    plain.socket.resume_writing()
    assert (plain.socket.writable, plain.heard.times_writable) == (True, 1)
    plain.transport.lose(None)
    await ended(plain, 1000, "")


async def test_what_is_no_event_is_told_and_what_follows_discarded() -> None:
    plain = Plain()
    plain.listen()
    plain.say(b"nonsense\n" + PING + b"\n")
    (error,) = plain.heard.errors
    assert isinstance(error, FramingError)
    closing = asyncio.create_task(plain.socket.close(1002, str(error)))
    await asyncio.sleep(0)
    plain.say(PING + b"\n")
    assert plain.heard.messages == []
    assert json.loads(plain.transport.written[0]) == {"type": "error", "data": {"text": str(error), "code": "1002"}}
    assert plain.transport.eof
    plain.say(bytes(5001))
    assert plain.transport.aborted
    plain.transport.lose(None)
    await closing
    plain.socket.send(b"{}")
    assert len(plain.transport.written) == 1
    assert plain.held.used_bytes == 0


async def test_a_client_that_never_leaves_is_left() -> None:
    plain = Plain(linger_seconds=0.01)
    plain.listen()
    plain.transport.closes = False
    await ended(plain, 1000, "")
    assert (plain.transport.closing, plain.transport.aborted) == (True, True)


class ResetTransport(ScriptedTransport):
    """Its client is gone, and nobody knows yet."""

    def write_eof(self) -> None:
        raise OSError(107, "Transport endpoint is not connected")


async def test_a_client_that_is_gone_already_needs_no_good_bye() -> None:
    plain = Plain(linger_seconds=0.01)
    plain.transport = ResetTransport()
    plain.socket.connection_made(plain.transport)
    plain.listen()
    await ended(plain, 1002, "nonsense")


async def test_a_client_that_says_no_more_is_gone_behind_what_it_said() -> None:
    plain = Plain()
    plain.listen()
    plain.say((PING + b"\n") * 10)
    assert plain.socket.eof_received()
    assert plain.heard.times_gone == 0
    for _ in range(5):
        await asyncio.sleep(0)
    assert (len(plain.heard.messages), plain.heard.times_gone) == (10, 1)
    await ended(plain, 1000, "")


async def test_what_is_not_complete_is_held_too_and_finds_no_room_where_there_is_none() -> None:
    plain = Plain(budget(1000))
    plain.listen()
    plain.say(b"{" * 500)
    assert plain.held.used_bytes == 500
    plain.say(b"{" * 600)
    assert isinstance(plain.heard.errors[0], OverloadedError)
    assert plain.held.used_bytes == 0
    assert MOST_HEADER_BYTES > 1100
    plain.transport.lose(None)
    await ended(plain, 1013, "")
    assert plain.socket.quiet_seconds >= 0
    assert plain.socket.address == ""


async def test_a_header_that_does_not_end_is_told_so() -> None:
    plain = Plain(head_seconds=0.02)
    plain.listen()
    plain.say(PING + b"\n" + PING[:5])
    assert plain.heard.contents == [PING]
    await passed(0.04)
    assert str(plain.heard.errors[0]) == "the head of the event did not end within 0.02 s (server.head_seconds)"
    plain.transport.lose(None)
    await ended(plain, 1008, str(plain.heard.errors[0]))


async def test_of_headers_that_end_each_has_its_time() -> None:
    plain = Plain(head_seconds=0.5)
    plain.listen()
    plain.say(PING[:5])
    for _ in range(5):  # longer than one together, and each far shorter, however busy the machine is
        await passed(0.11)
        plain.say(PING[5:] + b"\n" + PING[:5])
    assert plain.heard.errors == []
    plain.transport.lose(None)
    await ended(plain, 1000, "")


async def test_a_payload_may_take_longer_than_a_header_and_who_is_held_back_too() -> None:
    plain = Plain(head_seconds=0.02)
    plain.listen()
    plain.say(chunk(b"abcdef")[:-3])
    await passed(0.06)
    plain.say(b"def" + PING[:5])
    plain.socket.hold_back(True)
    await passed(0.06)
    plain.say(PING[5:] + b"\n")
    plain.socket.hold_back(False)
    await passed(0)
    assert (len(plain.heard.messages), plain.heard.errors) == (3, [])
    plain.transport.lose(None)
    await ended(plain, 1000, "")


async def passed(seconds: float) -> None:
    """And a turn of the event loop more."""
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, over.set_result, None)
    await over
    await asyncio.sleep(0)
