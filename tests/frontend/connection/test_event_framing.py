"""Events as Wyoming's own package writes them, however the bytes are cut; and headers that lie."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event, async_write_event

from frontend.connection.event_framing import MOST_HEADER_BYTES, EventParser, Part
from frontend.errors import FramingError, GatewayError, LimitError

MOST_BYTES = 5000


class Kept:
    """Whom the package takes for a writer."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def writelines(self, pieces: list[bytes]) -> None:
        self.data += b"".join(pieces)

    async def drain(self) -> None:
        """Nobody waits."""


def written(*events: Event) -> bytes:
    kept = Kept()
    for event in events:
        asyncio.run(async_write_event(event, kept))  # type: ignore[arg-type]
    return kept.data


def parts(data: bytes, lengths: list[int]) -> list[Part]:
    parser, found, start = EventParser(MOST_BYTES), list[Part](), 0
    while start < len(data):
        length = lengths[len(found) % len(lengths)]
        parser.feed(data[start : start + length])
        start += length
        while (part := parser.next()) is not None:
            found.append(part)
    assert parser.held_bytes == 0
    return found


EVENTS = st.builds(
    Event,
    type=st.text(max_size=20),
    data=st.dictionaries(st.text(max_size=10), st.integers() | st.text(max_size=10) | st.none(), max_size=3),
    payload=st.binary(max_size=MOST_BYTES) | st.none(),
)


@given(events=st.lists(EVENTS, max_size=5), lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=5))
def test_what_the_package_writes_is_read_however_it_is_cut(events: list[Event], lengths: list[int]) -> None:
    found = parts(written(*events), lengths)
    headers = [json.loads(part.data) for part in found if part.is_header]
    assert headers == [{"type": event.type, "data": event.data} for event in events]
    payloads = [part.data for part in found if not part.is_header]
    assert b"".join(payloads) == b"".join(event.payload or b"" for event in events)
    assert sum(part.last for part in found if not part.is_header) == sum(bool(event.payload) for event in events)


def test_data_stands_in_the_line_or_behind_it() -> None:
    (part,) = parts(b'{"type": "a", "data": {"x": 1, "y": 1}, "data_length": 8}\n{"x": 2}', [7])
    assert json.loads(part.data) == {"type": "a", "data": {"x": 2, "y": 1}}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"GET / HTTP/1.1\r\n", FramingError),
        (b"\n", FramingError),
        (b"[]\n", FramingError),
        (b'{"type": 7}\n', FramingError),
        (b"[" * 10_000 + b"\n", FramingError),
        (b"a" * MOST_HEADER_BYTES, FramingError),
        (b'{"type": "a", "data_length": -1}\n', FramingError),
        (b'{"type": "a", "data_length": true}\n', FramingError),
        (b'{"type": "a", "payload_length": "7"}\n', FramingError),
        (b'{"type": "a", "payload_length": 1e3}\n', FramingError),
        (b'{"type": "a", "data_length": 4}\nnull', FramingError),
        (b'{"type": "a", "data_length": 4}\n{"a"', FramingError),
        (b'{"type": "a", "data_length": 99999999999}\n', LimitError),
        (b'{"type": "a", "payload_length": 5001}\n', LimitError),
        (b'{"type": "a", "payload_length": ' + b"9" * 4000 + b"}\n", LimitError),
    ],
)
def test_a_header_that_lies_is_told_so_and_nothing_is_awaited(data: bytes, error: type[GatewayError]) -> None:
    parser = EventParser(MOST_BYTES)
    parser.feed(data)
    with pytest.raises(error):
        parser.next()


def test_a_header_is_under_way_until_it_is_there_with_its_data_and_no_payload_is_one() -> None:
    parser, amid = EventParser(MOST_BYTES), list[bool]()
    for data in (b"", b'{"type": "x", "data_length": 2, ', b'"payload_length": 3}\n', b"{}", b"1", b"23", b"{"):
        parser.feed(data)
        while parser.next():
            pass
        amid.append(parser.amid_header)
    assert amid == [False, True, True, False, False, False, True]


def test_half_of_a_surrogate_pair_is_no_text_and_harms_nobody() -> None:
    parser = EventParser(MOST_BYTES)
    parser.feed(b'{"type": "ping", "data": {"text": "\\ud800"}}\n')
    part = parser.next()
    assert part is not None
    assert json.loads(part.data)["data"] == {"text": "?"}


@given(data=st.lists(st.sampled_from([b"{", b"}", b'"type"', b":", b'"a"', b"\n", b",", b"7", b"\xff"])).map(b"".join))
def test_garbage_never_raises_anything_else(data: bytes) -> None:
    parser: Any = EventParser(MOST_BYTES)
    parser.feed(data)
    with contextlib.suppress(GatewayError):
        while parser.next() is not None:
            pass
