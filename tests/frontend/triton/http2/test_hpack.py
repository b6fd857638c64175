"""Blocks of header fields as the RFC writes them, and as they are not written."""

import pytest

from frontend.triton.http2 import hpack

# RFC 7541, C.6.1, without what of it is no literal: `:status: 302` in the code of its Appendix B, and by its index.
CODED_302 = bytes.fromhex("4882 6402")


def test_a_status_of_the_static_table_is_known() -> None:
    assert hpack.read(b"\x88") == {":status": "200"}
    assert hpack.read(b"\x8d") == {":status": "404"}


def test_a_coded_value_is_read() -> None:
    assert hpack.read(CODED_302) == {":status": "302"}


@pytest.mark.parametrize(
    ("text", "coded"),
    [
        ("www.example.com", "f1e3 c2e5 f23a 6ba0 ab90 f4ff"),
        ("no-cache", "a8eb 1064 9cbf"),
        ("custom-value", "25a8 49e9 5bb8 e8b4 bf"),
        ("Mon, 21 Oct 2013 20:13:21 GMT", "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff"),
        ("https://www.example.com", "9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3"),
        (
            "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1"
            "ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        ),
    ],
)
def test_the_codes_of_the_rfcs_examples_are_read(text: str, coded: str) -> None:
    data = bytes.fromhex(coded)
    block = b"\x00\x01n" + bytes([0x80 | len(data)]) + data
    assert hpack.read(block) == {"n": text}


def test_what_is_written_is_read() -> None:
    fields = {"grpc-status": "0", "long": "x" * 300, "exactly": "y" * 127, "longer": "z" * 20_000}
    block = hpack.written((name.encode(), value.encode()) for name, value in fields.items())
    assert hpack.read(block) == fields


def test_fields_that_do_not_matter_are_passed_over() -> None:
    kept, never = b"\x40\x01a\x011", b"\x10\x01b\x012"
    sized, typed = b"\x20", b"\x5f\x10application/grpc"
    assert hpack.read(sized + b"\x88" + typed + kept + never) == {":status": "200", "a": "1", "b": "2"}


@pytest.mark.parametrize(
    "block",
    [
        b"\xbe",  # the first of a table that is not kept
        b"\x80",  # none
        b"\x7e\x011",  # a value for a name of that table
        b"\x00\x05abc",  # less than it says
        b"\x00\x03abc",  # no value
        b"\x00\x01a\x81\x18",  # the end of a code that is no ones
        b"\x00\x01a\x84\xff\xff\xff\xff",  # a code of a character that no field holds
        b"\xff\xff\xff\xff\xff\xff\xff\x01",  # a number without end
        b"\xff\x80",
    ],
)
def test_what_is_no_block_is_refused(block: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        hpack.read(block)
