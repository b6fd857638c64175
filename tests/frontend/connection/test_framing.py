"""WebSocket frames: whatever the cuts, the same messages; what no client may send is refused."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.connection.framing import Chunk, Control, FrameParser
from frontend.errors import FramingError

# So many bytes, or these.
payloads = st.integers(65_530, 65_540) | st.binary(max_size=300)
messages = st.lists(st.tuples(st.sampled_from([1, 2]), st.lists(payloads, min_size=1, max_size=3)), max_size=4)


def frame(opcode: int, payload: bytes, final: bool = True, mask: bytes = b"\x01\x80\xff\x07", flags: int = 0) -> bytes:
    head = bytes([final << 7 | flags | opcode])
    size = len(payload)
    if size < 126:
        length = bytes([size])
    else:
        length = b"\x7e" + size.to_bytes(2, "big") if size < 65_536 else b"\x7f" + size.to_bytes(8, "big")
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload
    return head + bytes([length[0] | (0x80 if mask else 0)]) + length[1:] + mask + masked


def read(*pieces: bytes) -> tuple[list[tuple[str, bytes]], list[tuple[int, bytes]]]:
    """The messages and the control frames."""
    parser, complete, controls, arriving = FrameParser(), [], [], b""
    for item in itertools.chain.from_iterable(map(parser.feed, pieces)):
        if isinstance(item, Control):
            controls.append((item.opcode, item.data))
        else:
            assert isinstance(item, Chunk)
            arriving += item.data
            if item.last:
                complete.append((str(item.kind), arriving))
                arriving = b""
    return complete, controls


@given(messages=messages, cut=st.integers(1, 2000), mask=st.sampled_from([b"", b"\0\0\0\0", b"\x37\xfa\x21\x3d"]))
def test_messages_come_out_whole_however_the_bytes_were_cut(
    messages: list[tuple[int, list[int | bytes]]], cut: int, mask: bytes
) -> None:
    data = b""
    sent = [(opcode, [bytes(part) for part in parts]) for opcode, parts in messages]
    for opcode, parts in sent:
        for number, part in enumerate(parts):
            data += frame(0 if number else opcode, part, number == len(parts) - 1, mask)
            data += frame(9, b"ping", mask=mask)
    expected = [("text" if opcode == 1 else "binary", b"".join(parts)) for opcode, parts in sent]
    pings = [(9, b"ping")] * sum(len(parts) for _, parts in sent)
    for step in (len(data) + 1, cut):
        found = read(*(data[at : at + step] for at in range(0, len(data), step)))
        assert found == (expected, pings), "otherwise than they were sent"


def test_a_large_frame_comes_in_the_pieces_in_which_it_arrives() -> None:
    data, parser = frame(2, bytes(range(256)) * 4000), FrameParser()
    chunks = [list(parser.feed(data[at : at + 9999])) for at in range(0, len(data), 9999)]
    assert all(len(pieces) == 1 for pieces in chunks)


@pytest.mark.parametrize(
    "wrong",
    [
        frame(3, b"x"),
        frame(11, b"x"),
        frame(0, b"goes on"),
        frame(1, b"x", flags=0x40),
        frame(9, b"x", final=False),
        frame(9, bytes(126)),
        frame(1, b"a", final=False) + frame(1, b"b"),
    ],
    ids=["kind", "control", "continuation", "extension", "fragmented ping", "long ping", "interleaved"],
)
def test_what_no_client_may_send_is_refused(wrong: bytes) -> None:
    with pytest.raises(FramingError):
        read(wrong)


@given(data=st.binary(max_size=200))
def test_garbage_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(FramingError):
        read(data)
