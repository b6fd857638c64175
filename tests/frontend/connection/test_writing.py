"""Replies leave when the event loop's turn is over, those of one connection together."""

import asyncio

from frontend.connection.framing import TEXT
from frontend.connection.writing import Writer, Writes
from tests.frontend.connection.rfc6455 import encode_frame
from tests.frontend.connection.scripted_transport import ScriptedTransport, Wire, turn


class Together(Wire):
    def writes(self) -> Writes:
        return Writes()


def reply(text: bytes) -> bytes:
    return encode_frame(TEXT, text)


async def test_the_replies_of_a_turn_of_the_event_loop_are_one_write() -> None:
    wire = Together()
    wire.socket.send(b"1")
    wire.socket.send(b"2")
    assert wire.transport.written == []
    await turn()
    wire.socket.send(b"3")
    await turn()
    assert wire.transport.written == [reply(b"1") + reply(b"2"), reply(b"3")]


async def test_much_does_not_wait_for_the_turn_to_end() -> None:
    wire = Together()
    wire.socket.send(b"1")
    wire.socket.send(bytes(65_536))
    assert wire.transport.written == [reply(b"1") + reply(bytes(65_536))]
    wire.socket.send(b"2")
    await turn()
    assert wire.transport.written[1:] == [reply(b"2")]


async def test_replies_leave_before_the_close() -> None:
    wire = Together()
    wire.socket.send(b"1")
    await wire.closing(1000)
    assert wire.transport.written == [reply(b"1"), b"\x88\x02\x03\xe8"]


async def test_nothing_is_written_to_a_client_that_is_gone() -> None:
    wire = Together()
    wire.socket.send(b"1")
    wire.transport.lose(None)
    await turn()
    assert wire.transport.written == []


async def test_sixty_four_are_written_a_turn_whatever_becomes_of_one() -> None:
    class Broken(ScriptedTransport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            raise RuntimeError("unable to write")

    writes, transports = Writes(), [ScriptedTransport() for _ in range(100)]
    for transport in [*transports[:10], Broken(), *transports[10:]]:
        Writer(transport, writes).write(TEXT, b"x")
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    written = []
    for _ in range(3):
        await turn()
        written.append(sum(map(len, (transport.written for transport in transports))))
    assert written == [10, 74, 100]
    assert len(failures) == 1
