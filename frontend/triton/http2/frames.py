"""Frames of HTTP/2 (RFC 9113, 4.1 and 6)."""

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 3, 4, 5
NO_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 7, 8, 11
HEAD_BYTES = 9
FIRST_WINDOW, WIDEST_WINDOW = (1 << 16) - 1, (1 << 31) - 1
LAST_NUMBER = (1 << 31) - 1


def head(kind: int, flags: int, number: int, size_bytes: int) -> bytes:
    return size_bytes.to_bytes(3, "big") + bytes((kind, flags)) + number.to_bytes(4, "big")


def frame(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    return head(kind, flags, number, len(payload)) + payload


def window_update(number: int, more_bytes: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, number, more_bytes.to_bytes(4, "big"))


def without_padding(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    end = len(payload) - payload[0]
    if end < 1:
        raise ValueError("more padding than there is")
    return payload[1:end]
