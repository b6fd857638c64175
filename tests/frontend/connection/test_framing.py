"""WebSocket frames (RFC 6455, 5): whatever the cuts, the same messages; what no client may send is refused."""

import contextlib
import random
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.connection.framing import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Chunk,
    Closing,
    Control,
    FrameParser,
    close_payload,
    frame_head,
)
from frontend.errors import FramingError, LimitError, MessageSizeError
from tests.frontend.connection.rfc6455 import MASK, REFUSED, UNMASKED, frame

LIMIT_BYTES = 1 << 20
Item = Chunk | Control | Closing


def read(parser: FrameParser, pieces: Iterable[bytes]) -> Iterator[Item]:
    for piece in pieces:
        parser.feed(piece)
        while (item := parser.next()) is not None:
            yield item
        assert not parser.waiting


def items(pieces: Iterable[bytes], limit_bytes: int = LIMIT_BYTES) -> list[Item]:
    return list(read(FrameParser(limit_bytes), pieces))


def outcome(*pieces: bytes) -> tuple[list[Item], int]:
    """What came of it, and the code of the error that it ended with, or 0."""
    found: list[Item] = []
    try:
        found.extend(read(FrameParser(LIMIT_BYTES), pieces))
    except (FramingError, LimitError) as e:
        return joined(found), e.close_code
    return joined(found), 0


def joined(found: Iterable[Item]) -> list[Item]:
    """Every message in one piece."""
    whole: list[Item] = []
    data = b""
    for item in found:
        if not isinstance(item, Chunk):
            whole.append(item)
            continue
        data += item.data
        if item.last:
            whole.append(Chunk(item.kind, data, True, True))
            data = b""
    return whole


def cut(data: bytes, step: int) -> list[bytes]:
    return [data[at : at + step] for at in range(0, len(data), step)]


# So many bytes, or these.
payloads = (st.integers(65_530, 65_540) | st.integers(120, 130) | st.binary(max_size=300)).map(bytes)
parts = st.lists(payloads, min_size=1, max_size=3)
texts = st.text(max_size=200).map(str.encode)
controls = st.lists(st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125)), max_size=2)
masks = st.binary(min_size=4, max_size=4)
Message = tuple[int, list[bytes], list[tuple[int, bytes]]]
binaries = st.tuples(st.just(BINARY), parts, controls)
# Cut where characters are cut too.
split_texts = st.tuples(st.just(TEXT), st.tuples(texts, st.integers(1, 9)).map(lambda t: cut(*t) or [b""]), controls)


@given(messages=st.lists(binaries | split_texts, max_size=4), step=st.integers(1, 2000), mask=masks)
def test_messages_come_out_whole_however_the_bytes_were_cut(messages: list[Message], step: int, mask: bytes) -> None:
    data, expected = b"", list[Item]()
    for opcode, fragments, between in messages:
        for number, fragment in enumerate(fragments):
            data += frame(CONTINUATION if number else opcode, fragment, number == len(fragments) - 1, mask)
            last = number == len(fragments) - 1
            data += b"" if last else b"".join(frame(*control, mask=mask) for control in between)
        expected += [Control(*control) for control in between] * (len(fragments) - 1)
        expected.append(Chunk("text" if opcode == TEXT else "binary", b"".join(fragments), True, True))
    data += frame(CLOSE, close_payload(1001, "bye"), mask=mask)
    expected.append(Closing(1001, "bye"))
    assert joined(items([data])) == expected
    assert joined(items(cut(data, max(step, len(data) // 300)))) == expected


@given(data=st.binary(max_size=200) | st.lists(st.binary(max_size=8).map(lambda b: b"\x82\xfe" + b)).map(b"".join))
def test_garbage_is_read_or_refused_by_name(data: bytes) -> None:
    parser = FrameParser(LIMIT_BYTES)
    with contextlib.suppress(FramingError, LimitError):
        assert all(read(parser, [data]))
    assert parser.next() is None
    assert not parser.waiting


def test_frames_with_bits_turned_are_read_or_refused_by_name_and_alike_however_they_are_cut() -> None:
    chance = random.Random(6455)
    message = frame(TEXT, "größer".encode(), False) + frame(PING, b"x") + frame(CONTINUATION, b"!")
    for _ in range(2000):
        data = bytearray(message + frame(BINARY, b"y" * 200) + frame(CLOSE, close_payload(3000, "bye")))
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert outcome(bytes(data)) == outcome(*cut(bytes(data), chance.randint(1, 40)))


def test_a_message_that_is_all_there_is_one_chunk() -> None:
    for size in (0, 1, 2, 3, 125, 126, 640, 3200, 65_535, 65_536):
        assert items([frame(BINARY, bytes(size))]) == [Chunk("binary", bytes(size), True, True)]
    assert items([frame(TEXT, "é".encode()) * 2]) == [Chunk("text", "é".encode(), True, True)] * 2


def test_a_large_frame_comes_in_the_pieces_in_which_it_arrives() -> None:
    payload = bytes(range(256)) * 4000
    found = items(cut(frame(BINARY, payload), 9999))
    assert [isinstance(item, Chunk) and (item.last, item.whole) for item in found[:-1]] == [(False, False)] * 102
    assert isinstance(found[-1], Chunk)
    assert (found[-1].last, found[-1].whole) == (True, False)
    assert joined(found) == [Chunk("binary", payload, True, True)]


def test_nothing_is_kept_of_what_has_been_read() -> None:
    parser = FrameParser(LIMIT_BYTES)
    parser.feed(frame(BINARY, bytes(1000)) + frame(BINARY, b"next"))
    assert parser.next() == Chunk("binary", bytes(1000), True, True)
    assert parser.waiting
    assert parser.next() == Chunk("binary", b"next", True, True)
    assert not parser.waiting
    assert parser.next() is None


def test_what_is_not_complete_does_not_wait_to_be_looked_at() -> None:
    parser = FrameParser(LIMIT_BYTES)
    ping = frame(PING, b"abc")
    for end in range(len(ping)):
        parser.feed(ping[end : end + 1])
        assert parser.waiting
        assert (parser.next() is not None) is (end == len(ping) - 1)
        assert not parser.waiting


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
@pytest.mark.parametrize(("wrong", "code"), REFUSED.values(), ids=REFUSED)
def test_what_no_client_may_send_is_refused_and_nothing_read_behind_it(wrong: bytes, code: int, at_once: bool) -> None:
    parser, before = FrameParser(LIMIT_BYTES), frame(BINARY, b"before")
    assert list(read(parser, [before])) == [Chunk("binary", b"before", True, True)]
    with pytest.raises(FramingError) as raised:
        list(read(parser, [wrong] if at_once else cut(wrong, 1)))
    assert raised.value.close_code == code
    assert list(read(parser, [before])) == []


def test_a_fragment_that_cannot_become_utf8_is_refused_before_the_message_ends() -> None:
    """A character may be cut anywhere, but what began it must go on (8.1)."""
    parser = FrameParser(LIMIT_BYTES)
    for good in (b"\xf4", b"\x8f\xbf", b"\xbf"):
        parser.feed(frame(CONTINUATION if good != b"\xf4" else TEXT, good, False))
        assert parser.next() == Chunk("text", good, False, False)
    parser.feed(frame(CONTINUATION, b"\xf4\x90", False))
    with pytest.raises(FramingError, match="UTF-8"):
        parser.next()


def test_a_close_has_a_code_that_the_table_allows() -> None:
    """7.4.1, 7.4.2 and the registry: 1004 is reserved, 1005, 1006 and 1015 are never sent."""
    allowed = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
    for code in (*range(5100), 0xFFFF):
        data = frame(CLOSE, code.to_bytes(2, "big") + b"why")
        expected = ([Closing(code, "why")], 0) if code in allowed else ([], 1002)
        assert outcome(data) == expected


def test_a_close_without_a_code_is_one_and_nothing_comes_after_it() -> None:
    assert items([frame(CLOSE) + frame(PING) + UNMASKED, frame(BINARY, b"x")]) == [Closing(1005, "")]


def test_a_message_over_the_limit_is_refused_at_its_header() -> None:
    for header, size in ((b"\x82\xe5", 101), (b"\x82\xff" + (1 << 62).to_bytes(8, "big"), 1 << 62)):
        with pytest.raises(MessageSizeError, match=f"larger than 100 bytes: {size}$") as raised:
            items([header + MASK], 100)
        assert (raised.value.size_bytes, raised.value.close_code) == (size, 1009)


def test_fragments_count_together_against_the_limit() -> None:
    good = [frame(BINARY, bytes(60), False), frame(PING, bytes(90)), frame(CONTINUATION, bytes(40), False)]
    assert len(items([*good, frame(CONTINUATION), frame(BINARY, bytes(100))], 100)) == 5
    with pytest.raises(MessageSizeError):
        items([*good, frame(CONTINUATION, b"x")[:6]], 100)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_the_servers_frames_say_their_length_in_the_fewest_bytes_and_are_not_masked(size: int) -> None:
    header = {0: "8200", 125: "827d", 126: "827e007e", 65_535: "827effff", 65_536: "827f0000000000010000"}[size]
    assert frame_head(BINARY, size) == bytes.fromhex(header)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", ""),
        ("gone", "gone"),
        ("x" * 124, "x" * 123),
        ("x" + "\N{GRINNING FACE}" * 40, "x" + "\N{GRINNING FACE}" * 30),
        ("half \ud83d", "half ?"),
    ],
)
def test_a_close_frame_holds_whole_characters_of_its_reason(reason: str, told: str) -> None:
    assert close_payload(4000, reason) == b"\x0f\xa0" + told.encode()
    assert close_payload(1005, reason) == b""
