"""RFC 6455 against a real socket, by section: what a client sends, and what it gets back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
import uvloop

from frontend.connection.framing import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload
from tests.frontend.connection.rfc6455 import MASK, REFUSED, frame
from tests.frontend.connection.serving import Frame, RawClient, Served, served

RATE, TAKEN, REFUSAL = frame(TEXT, b"16000"), (TEXT, b"200"), (TEXT, b"500")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
Loop = Callable[[], asyncio.AbstractEventLoop]
Talk = Callable[[Served], Awaitable[None]]
Converse = Callable[[Talk], None]
on_each_loop = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)


@dataclass(frozen=True)
class Case:
    """`closed` is the payload of the server's Close; None: it goes on, and the client closes."""

    sent: bytes
    answers: Sequence[Frame] = ()
    closed: bytes | None = None


def close(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, close_payload(code, reason))


def coded(code: int) -> bytes:
    return close_payload(code, "")


GOES_ON = {
    "5.2 a text": Case(RATE, [TAKEN]),
    "5.2 a binary message": Case(frame(BINARY, b"x"), [REFUSAL]),
    "5.2 empty messages": Case(frame(TEXT) + frame(BINARY), [REFUSAL, REFUSAL]),
    "5.2 lengths of 7, 16 and 64 bits": Case(
        b"".join(frame(BINARY, bytes(size)) for size in (125, 126, 65_535, 65_536)), [REFUSAL] * 4
    ),
    "5.3 a mask of zeros": Case(frame(TEXT, b"16000", mask=bytes(4)), [TAKEN]),
    "5.4 a text in three frames": Case(
        frame(TEXT, b"1", False) + frame(CONTINUATION, b"60", False) + frame(CONTINUATION, b"00"), [TAKEN]
    ),
    "5.4 a binary message in two frames": Case(
        frame(BINARY, bytes(70_000), False) + frame(CONTINUATION, bytes(70_000)), [REFUSAL]
    ),
    "5.4 empty frames of a text": Case(
        frame(TEXT, b"", False) + frame(CONTINUATION, b"16000", False) + frame(CONTINUATION), [TAKEN]
    ),
    "5.4 a ping between the frames of a text": Case(
        frame(TEXT, b"16", False) + frame(PING, b"now") + frame(CONTINUATION, b"000"), [(PONG, b"now"), TAKEN]
    ),
    "5.5.2 a ping": Case(frame(PING, b"hello"), [(PONG, b"hello")]),
    "5.5.2 an empty ping": Case(frame(PING), [(PONG, b"")]),
    "5.5.2 a ping of 125 bytes": Case(frame(PING, bytes(range(125))), [(PONG, bytes(range(125)))]),
    "5.5.2 pings before, between and behind messages": Case(
        frame(PING, b"1") + RATE + frame(PING, b"2"), [(PONG, b"1"), TAKEN, (PONG, b"2")]
    ),
    "5.5.2 a ping while a model works": Case(
        RATE + frame(BINARY, bytes(3200)) + frame(PING, b"there?"), [TAKEN, (PONG, b"there?")]
    ),
    "5.5.3 a pong that nobody asked for": Case(frame(PONG, b"unasked") + RATE, [TAKEN]),
    "5.6 a text of all lengths of characters": Case(frame(TEXT, "aé€😀".encode()), [REFUSAL]),
    "5.6 a character cut by a frame": Case(frame(TEXT, b"\xe2\x82", False) + frame(CONTINUATION, b"\xac"), [REFUSAL]),
    "5.6 a binary message that is no UTF-8": Case(frame(BINARY, b"\xff\xc0"), [REFUSAL]),
}
CLOSES = {
    "5.5.1 a close without a code": Case(frame(CLOSE), closed=b""),
    "5.5.1 a close with a reason": Case(close(1000, "bye: größer"), closed=coded(1000)),
    "5.5.1 a close of 125 bytes": Case(close(1000, "x" * 123), closed=coded(1000)),
    "5.5.1 a ping before a close": Case(frame(PING, b"x") + close(1001), [(PONG, b"x")], coded(1001)),
    "5.4 a close inside a message": Case(frame(TEXT, b"160", False) + close(1000), closed=coded(1000)),
    **{
        f"7.4 the code {code}": Case(close(code), closed=coded(code))
        for code in (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999)
    },
}


@pytest.fixture(scope="module", params=LOOPS.values(), ids=tuple(LOOPS))
def converse(request: pytest.FixtureRequest) -> Iterator[Converse]:
    """With one gateway for all cases on a loop: each leaves nothing behind."""
    with asyncio.Runner(loop_factory=request.param) as runner:
        serving = served()
        here = runner.run(serving.__aenter__())

        async def to_the_end(talk: Talk) -> None:
            try:
                async with asyncio.timeout(15):
                    await talk(here)
                await here.nothing_left()
            finally:
                here.hang_up()

        yield lambda talk: runner.run(to_the_end(talk))
        runner.run(serving.__aexit__(None, None, None))


def run(loop: Loop, talk: Awaitable[None]) -> None:
    async def in_time() -> None:
        await asyncio.wait_for(talk, 15)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(in_time())


async def heard(client: RawClient, case: Case) -> None:
    assert [await client.frame() for _ in case.answers] == list(case.answers)
    if case.closed is None:
        assert await client.closed() == coded(1000)
    else:
        assert await client.until_close() == ([], case.closed)
        assert await client.rest() == b""


@pytest.mark.parametrize("case", (GOES_ON | CLOSES).values(), ids=GOES_ON | CLOSES)
def test_what_a_client_may_send_is_answered_however_it_arrives(case: Case, converse: Converse) -> None:
    async def talk(here: Served) -> None:
        at_once, by_and_by = await here.upgraded(), await here.upgraded()
        at_once.send(case.sent)
        await heard(at_once, case)
        pieces = [case.sent[at : at + 1] for at in range(min(300, len(case.sent)))]
        for piece in (*pieces, case.sent[300:]):
            by_and_by.send(piece)
            await asyncio.sleep(0)
        await heard(by_and_by, case)

    converse(talk)


def test_what_comes_after_a_close_is_not_looked_at(converse: Converse) -> None:
    """5.5.1, 1.4: no pong, no answer, no second close."""

    async def talk(here: Served) -> None:
        client = await here.upgraded()
        client.send(close(1000) + RATE + frame(PING, b"late") + frame(3) + close(1001))
        await heard(client, Case(b"", closed=coded(1000)))

    converse(talk)


@pytest.mark.parametrize(("wrong", "code"), REFUSED.values(), ids=REFUSED)
def test_what_no_client_may_send_ends_the_connection_with_its_code(wrong: bytes, code: int, converse: Converse) -> None:
    """7.1.7: what came before is answered, what comes after is not, and the client need say nothing more."""

    async def talk(here: Served) -> None:
        client = await here.upgraded()
        client.send(RATE + wrong + frame(PING, b"after") + RATE)
        before, payload = await client.until_close()
        assert before in ([TAKEN], [TAKEN, REFUSAL])
        assert int.from_bytes(payload[:2], "big") == code
        assert payload[2:].decode().isprintable()
        assert await client.rest() == b""

    converse(talk)


@pytest.mark.parametrize("size", [(1 << 20) + 1, 1 << 40, (1 << 63) - 1])
def test_a_message_over_the_limit_is_refused_before_it_comes(size: int, converse: Converse) -> None:
    """7.4.1: 1009, in its turn and at its header."""

    async def talk(here: Served) -> None:
        client = await here.upgraded()
        client.send(RATE + frame(TEXT, b"x") + b"\x82\xff" + size.to_bytes(8, "big") + MASK)
        before, payload = await client.until_close()
        assert before == [TAKEN, REFUSAL]
        assert payload == close_payload(1009, f"the message is larger than {1 << 20} bytes: {size}")
        assert await client.rest() == b""

    converse(talk)


def test_a_large_message_of_another_kind_of_text_than_utf8_is_refused_while_it_comes(converse: Converse) -> None:
    """8.1: not only when its last byte is there."""

    async def talk(here: Served) -> None:
        client = await here.upgraded()
        client.send(frame(TEXT, b"a" * 500_000 + b"\xff" * 500_000)[:700_000])
        assert int.from_bytes((await client.until_close())[1][:2], "big") == 1007
        assert await client.rest() == b""

    converse(talk)


def test_a_client_that_stops_sending_without_a_close_is_let_go(converse: Converse) -> None:
    """7.1.5: the connection is closed as abnormally (1006) as it was left; what was asked is answered first."""

    async def talk(here: Served) -> None:
        client = await here.upgraded()
        client.send(RATE + frame(TEXT, b"160", False))
        client.stop_sending()
        assert await client.frame() == TAKEN
        assert (await client.rest())[:1] in (b"", b"\x88")

    converse(talk)


@on_each_loop
def test_a_client_that_does_not_answer_a_close_is_let_go_after_a_time(loop: Loop) -> None:
    """7.1.1: the server ends the connection, the client keeps it open."""

    async def talk() -> None:
        async with served(close_linger_seconds=0.05) as here:
            client = await here.upgraded()
            client.send(frame(PING, final=False))
            assert (await client.until_close())[1][:2] == coded(1002)
            assert await client.rest() == b""

    run(loop, talk())


@pytest.mark.parametrize("left", [b"", frame(TEXT, b"160", False), RATE + frame(BINARY, bytes(3200))])
def test_a_client_that_vanishes_leaves_nothing(left: bytes, converse: Converse) -> None:
    """7.1.7: in the handshake's wake, in the middle of a message, while a model works."""

    async def talk(here: Served) -> None:
        client = await here.upgraded()
        client.send(left + frame(PING, b"x"))
        await client.frame()
        client.vanish()
        other = await here.upgraded()
        assert await other.closed() == coded(1000)

    converse(talk)


def test_frames_that_come_with_the_handshake_are_not_lost(converse: Converse) -> None:
    """4.1 has the client wait; one that does not is answered all the same."""

    async def talk(here: Served) -> None:
        whole = await here.upgraded(RATE + frame(PING, b"x"))
        await heard(whole, Case(b"", [TAKEN, (PONG, b"x")]))
        cut = await here.upgraded(RATE[:7])
        cut.send(RATE[7:])
        await heard(cut, Case(b"", [TAKEN]))

    converse(talk)
