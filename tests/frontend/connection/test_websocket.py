"""What arrives on a WebSocket, over a scripted transport: the order, the bounds and the flow."""

import pytest

from frontend.config import settings
from frontend.connection.framing import BINARY, CONTINUATION, PING, PONG, TEXT
from frontend.dialogue.messages import LARGE_BYTES
from frontend.errors import FramingError, OverloadedError
from frontend.memory.memory_file import MemoryFile
from tests.frontend.connection.rfc6455 import UNMASKED, encode_frame, frame
from tests.frontend.connection.scripted_transport import Connection, ScriptedTransport, Wire, client_close, turn


async def test_a_message_is_handed_on_in_the_call_that_brings_it() -> None:
    wire = Wire().listening()
    wire.receive(frame(TEXT, b"hello"), frame(BINARY, b"ab"))
    assert [(message.kind, message.content) for message in wire.heard.messages] == [
        ("text", b"hello"),
        ("binary", b"ab"),
    ]
    assert wire.held.used_bytes == 7
    for message in wire.heard.messages:
        message.close()
    assert wire.held.used_bytes == 0


async def test_fragments_are_one_message_and_held_while_they_come() -> None:
    wire = Wire().listening()
    wire.receive(frame(TEXT, b"he", final=False))
    assert wire.held.used_bytes == 2
    wire.receive(frame(CONTINUATION, b"", final=False), frame(CONTINUATION, b"llo"))
    assert wire.heard.contents == [b"hello"]
    assert wire.held.used_bytes == 5


async def test_a_large_message_lies_outside_the_heap() -> None:
    wire = Wire().listening()
    data = bytes(range(256)) * (2 * LARGE_BYTES // 256) + b"end"
    whole = frame(BINARY, data)
    for start in range(0, len(whole), 65_536):
        wire.receive(whole[start : start + 65_536])
    (message,) = wire.heard.messages
    assert isinstance(message.content, MemoryFile)
    assert message.data() == data
    assert wire.held.used_bytes == len(data)
    message.close()


async def test_a_large_message_that_comes_in_one_read_lies_outside_the_heap() -> None:
    wire = Wire().listening()
    wire.receive(frame(BINARY, bytes(LARGE_BYTES + 1)))
    (message,) = wire.heard.messages
    assert isinstance(message.content, MemoryFile)
    message.close()
    assert wire.held.used_bytes == 0


async def test_a_message_for_which_there_is_no_room_breaks_the_connection() -> None:
    wire = Wire(held_bytes=100).listening()
    wire.receive(frame(BINARY, bytes(101)))
    assert [error.close_code for error in wire.heard.errors] == [1013]
    assert wire.held.used_bytes == 0


async def test_nothing_of_a_message_that_found_no_room_is_kept_nor_handed_on() -> None:
    """Nor what comes behind it: the client would take an answer for that of the lost one."""
    wire = Wire(held_bytes=100).listening()
    wire.receive(frame(BINARY, bytes(60), final=False), frame(CONTINUATION, bytes(60), final=False))
    assert isinstance(wire.heard.errors[0], OverloadedError)
    assert wire.held.used_bytes == 0
    wire.receive(frame(CONTINUATION, b"the rest"), frame(TEXT, b"another"))
    assert wire.heard.messages == []
    assert len(wire.heard.errors) == 1


async def test_bytes_that_are_no_frames_break_the_connection_behind_what_came_before() -> None:
    wire = Wire().listening()
    wire.receive(frame(TEXT, b"good"), frame(TEXT, b"half", final=False), UNMASKED, frame(TEXT, b"late"))
    assert wire.heard.contents == [b"good"]
    assert [type(error) for error in wire.heard.errors] == [FramingError]
    assert wire.held.used_bytes == len(b"good")


async def test_eight_messages_are_handed_on_a_turn_and_no_more_is_read_meanwhile() -> None:
    wire = Wire().listening()
    wire.receive(*[frame(TEXT, b"x")] * 20)
    heard = [len(wire.heard.messages)]
    while wire.transport.paused:
        await turn()
        heard.append(len(wire.heard.messages))
    assert heard == [8, 16, 20]


async def test_who_has_sent_much_at_once_is_read_again_when_others_had_their_turn() -> None:
    wire = Wire().listening()
    wire.receive(frame(TEXT, b"[" * 60_000) * 2)
    assert len(wire.heard.messages) == 2
    assert wire.transport.paused
    await turn()
    assert not wire.transport.paused


async def test_nor_is_who_is_held_back_meanwhile() -> None:
    wire = Wire().listening()
    wire.receive(frame(BINARY, bytes(70_000)))
    wire.socket.hold_back(True)
    await turn()
    assert wire.transport.paused
    wire.socket.hold_back(False)
    assert not wire.transport.paused


async def test_what_comes_while_others_have_their_turn_keeps_its_place() -> None:
    wire = Wire().listening()
    wire.receive(*[frame(TEXT, str(number).encode()) for number in range(9)])
    wire.receive(frame(TEXT, b"9"))  # read before the transport was paused
    assert len(wire.heard.messages) == 8
    await turn()
    assert wire.heard.contents == [str(number).encode() for number in range(10)]


async def test_exactly_eight_messages_need_no_other_turn() -> None:
    wire = Wire().listening()
    wire.receive(*[frame(TEXT, b"x")] * 8)
    assert len(wire.heard.messages) == 8
    assert not wire.transport.paused


async def test_a_client_that_is_held_back_is_neither_read_nor_parsed() -> None:
    wire = Wire().listening()
    wire.heard.then = lambda: wire.socket.hold_back(True)
    wire.receive(frame(TEXT, b"1"), frame(TEXT, b"2"))
    wire.receive(frame(TEXT, b"3"))
    wire.socket.hold_back(True)
    await turn(3)
    assert wire.heard.contents == [b"1"]
    assert wire.transport.paused
    wire.heard.then = lambda: None
    wire.socket.hold_back(False)
    assert wire.heard.contents == [b"1"], "the caller is not called back"
    await turn()
    assert wire.heard.contents == [b"1", b"2", b"3"]
    assert not wire.transport.paused


async def test_a_client_that_is_held_back_again_at_once_waits_on() -> None:
    wire = Wire().listening()
    wire.receive(*[frame(TEXT, b"x")] * 9)
    wire.socket.hold_back(True)
    wire.socket.hold_back(False)
    wire.socket.hold_back(True)
    await turn(3)
    assert len(wire.heard.messages) == 8
    assert wire.transport.paused


async def test_a_client_that_reads_nothing_gets_the_newest_pong_alone() -> None:
    wire = Wire().listening()
    wire.socket.pause_writing()
    wire.receive(frame(PING, b"1"), frame(PING, b"2"))
    assert not wire.socket.writable
    assert wire.transport.written == []
    wire.socket.resume_writing()
    assert wire.transport.written == [encode_frame(PONG, b"2")]
    assert (wire.socket.writable, wire.heard.times_writable) == (True, 1)
    wire.socket.pause_writing()
    wire.socket.resume_writing()
    assert wire.transport.written == [encode_frame(PONG, b"2")], "answered once"


async def test_a_ping_is_answered_and_a_pong_is_not() -> None:
    wire = Wire().listening()
    wire.receive(frame(TEXT, b"a", final=False), frame(PING, b"p"), frame(PONG, b"q"), frame(CONTINUATION, b"b"))
    assert wire.transport.written == [encode_frame(PONG, b"p")]
    assert wire.heard.contents == [b"ab"]


async def test_what_is_sent_leaves_as_text() -> None:
    wire = Wire().listening()
    wire.socket.send(b"answer")
    assert wire.transport.written == [encode_frame(TEXT, b"answer")]


async def test_only_what_is_of_a_message_ends_the_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 1000.0
    monkeypatch.setattr("frontend.connection.websocket.time.monotonic", lambda: seconds)
    wire = Wire().listening()
    seconds = 1005.0
    wire.receive(frame(PING, b"p"))
    assert wire.socket.quiet_seconds == 5.0
    wire.receive(frame(BINARY, b"ab")[:7])
    assert wire.socket.quiet_seconds == 0.0


async def test_what_came_behind_the_request_is_heard_first(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    early = {wire.below: frame(TEXT, b"early")}
    monkeypatch.setattr("frontend.connection.websocket.handshake.taken_over", early.get)
    wire.listening()
    wire.receive(frame(TEXT, b"later"))
    assert wire.heard.contents == [b"early", b"later"]
    assert wire.transport.protocol is wire.socket


async def test_a_quiet_connection_is_probed_below() -> None:
    connection = Connection()
    Wire(transport=ScriptedTransport(connection=connection))
    assert connection.keepalive_seconds == settings.Server().keepalive_seconds


async def test_a_client_that_left_during_the_handshake_cannot_be_probed() -> None:
    wire = Wire(transport=ScriptedTransport(connection=Connection(is_gone=True))).listening()
    wire.receive(frame(TEXT, b"was on its way"), client_close(1000))
    assert (wire.heard.contents, wire.heard.times_gone) == ([b"was on its way"], 1)
