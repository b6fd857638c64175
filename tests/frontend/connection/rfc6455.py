"""Frames of both sides; clients' that RFC 6455 forbids, by section, each with the code of the Close that answers it."""

from frontend.connection.framing import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame_head

MASK = b"\x01\x80\xff\x07"


def frame(opcode: int, payload: bytes = b"", final: bool = True, mask: bytes = MASK, flags: int = 0) -> bytes:
    """As a client sends it."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = b"\xfe" + size.to_bytes(2, "big") if size < 65_536 else b"\xff" + size.to_bytes(8, "big")
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    masked = (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
    return bytes([final << 7 | flags | opcode]) + length + mask + masked


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """As a server sends it."""
    return frame_head(opcode, len(payload)) + payload


UNMASKED = encode_frame(BINARY, b"abc")
REFUSED = {
    "5.1 not masked": (UNMASKED, 1002),
    "5.1 a ping that is not masked": (encode_frame(PING, b""), 1002),
    "5.2 RSV1": (frame(TEXT, b"x", flags=0x40), 1002),
    "5.2 RSV2": (frame(BINARY, b"x", flags=0x20), 1002),
    "5.2 RSV3 on a continuation": (frame(TEXT, b"x", False) + frame(CONTINUATION, b"x", flags=0x10), 1002),
    "5.2 RSV1 on a ping": (frame(PING, b"x", flags=0x40), 1002),
    **{f"5.2 opcode {opcode}": (frame(opcode, b"x"), 1002) for opcode in (*range(3, 8), *range(11, 16))},
    "5.2 16 bits for 125": (b"\x82\xfe\0\x7d" + MASK + bytes(125), 1002),
    "5.2 64 bits for 65535": (b"\x82\xff" + (65_535).to_bytes(8, "big") + MASK, 1002),
    "5.2 64 bits for 0": (b"\x82\xff" + bytes(8) + MASK, 1002),
    "5.2 the highest bit of a length": (b"\x82\xff\x80" + bytes(7) + MASK, 1002),
    "5.4 a continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "5.4 a continuation of what was complete": (frame(TEXT, b"x") + frame(CONTINUATION, b"x"), 1002),
    "5.4 a message inside another": (frame(TEXT, b"a", False) + frame(TEXT, b"b"), 1002),
    "5.4 a fragmented one inside another": (frame(BINARY, b"a", False) + frame(BINARY, b"b", False), 1002),
    "5.5 a fragmented ping": (frame(PING, b"x", False), 1002),
    "5.5 a fragmented close": (frame(CLOSE, b"\x03\xe8", False), 1002),
    "5.5 a ping of 126 bytes": (frame(PING, bytes(126)), 1002),
    "5.5 a close of 64 bits": (frame(CLOSE, bytes(65_536))[:2], 1002),
    "5.5.1 a close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "5.5.1 a reason that is not UTF-8": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    "5.6 a text that is not UTF-8": (frame(TEXT, b"ab\xff"), 1007),
    "5.6 a text that ends inside a character": (frame(TEXT, b"abc\xc3"), 1007),
    "5.6 a surrogate": (frame(TEXT, b"ab\xed\xa0\x80"), 1007),
    "8.1 a fragmented one that ends inside a character": (
        frame(TEXT, b"\xe2", False) + frame(CONTINUATION, b"\x82"),
        1007,
    ),
    "8.1 a fragment that no text goes on with": (frame(TEXT, b"\xce\xba\xff", False), 1007),
}
