"""Requests leave as far as the server takes them."""

from frontend.triton.http2 import frames
from frontend.triton.http2.bodies import Bodies
from frontend.triton.http2.frames import FIRST_WINDOW


def sent(bodies: Bodies) -> list[tuple[int, int, int]]:
    """Of each frame of a body that is due: its call, its size, whether it is the last."""
    found, pieces = list[tuple[int, int, int]](), [bytes(piece) for piece in bodies.due()]
    while pieces:
        head = pieces.pop(0)
        if head[3] == frames.DATA:
            assert len(pieces.pop(0)) == int.from_bytes(head[:3], "big")
            found.append((int.from_bytes(head[5:9], "big"), int.from_bytes(head[:3], "big"), head[4]))
    return found


def begun(bodies: Bodies) -> list[int]:
    """The calls whose header fields are due."""
    return [
        int.from_bytes(piece[5:9], "big") for piece in bodies.due() if len(piece) > 8 and piece[3] == frames.HEADERS
    ]


def test_a_small_request_is_two_frames() -> None:
    bodies = Bodies()
    bodies.add(1, b"fields", b"abc")
    assert b"".join(bodies.due()) == b"\0\0\6\1\4\0\0\0\1fields\0\0\3\0\1\0\0\0\1abc"
    assert bodies.due() == []


def test_a_large_one_is_cut_where_the_server_says() -> None:
    bodies = Bodies()
    bodies.agree(frames.MAX_FRAME_SIZE, 100)
    bodies.add(1, b"", bytes(250))
    assert sent(bodies) == [(1, 100, 0), (1, 100, 0), (1, 50, 1)]


def test_a_large_one_holds_up_nobody() -> None:
    bodies = Bodies()
    bodies.agree(frames.MAX_FRAME_SIZE, 100)
    bodies.add(1, b"", bytes(250))
    bodies.add(3, b"", bytes(5))
    assert sent(bodies) == [(1, 100, 0), (3, 5, 1), (1, 100, 0), (1, 50, 1)]


def test_where_the_server_takes_a_frame_at_a_time_each_has_its_turn() -> None:
    bodies = Bodies()
    bodies.add(1, b"", bytes(FIRST_WINDOW))
    assert len(sent(bodies)) == 4
    for number in (3, 5):
        bodies.add(number, b"", bytes(30_000))
    took = []
    for _ in range(4):
        bodies.widen(0, 1 << 14)
        took += [number for number, _, _ in sent(bodies)]
    assert took[:4] == [3, 5, 3, 5]


def test_no_more_leaves_than_the_server_takes_of_a_call() -> None:
    bodies = Bodies()
    bodies.agree(frames.INITIAL_WINDOW_SIZE, 10)
    bodies.add(1, b"", bytes(25))
    bodies.add(3, b"", bytes(5))
    assert sent(bodies) == [(1, 10, 0), (3, 5, 1)]
    bodies.widen(1, 10)
    assert sent(bodies) == [(1, 10, 0)]
    bodies.agree(frames.INITIAL_WINDOW_SIZE, 15)  # for those under way, too
    assert sent(bodies) == [(1, 5, 1)]


def test_a_window_that_shrinks_below_what_was_sent_is_waited_for() -> None:
    bodies = Bodies()
    bodies.add(1, b"", bytes(FIRST_WINDOW + 1))
    assert sum(size for _, size, _ in sent(bodies)) == FIRST_WINDOW
    bodies.agree(frames.INITIAL_WINDOW_SIZE, 0)
    bodies.widen(0, 10)
    bodies.widen(1, FIRST_WINDOW)
    assert sent(bodies) == []
    bodies.widen(1, 1)
    assert sent(bodies) == [(1, 1, 1)]


def test_no_more_leaves_than_the_server_takes_of_all() -> None:
    bodies = Bodies()
    bodies.agree(frames.INITIAL_WINDOW_SIZE, 1 << 20)
    bodies.add(1, b"", bytes(FIRST_WINDOW - 1))
    bodies.add(3, b"", bytes(5))
    assert sum(size for _, size, _ in sent(bodies)) == FIRST_WINDOW
    bodies.widen(0, 100)
    assert sent(bodies) == [(1, 4, 1)]


def test_no_more_are_begun_than_the_server_takes_at_once() -> None:
    bodies = Bodies()
    bodies.agree(frames.MAX_CONCURRENT_STREAMS, 2)
    for number in (1, 3, 5, 7):
        bodies.add(number, b"fields", b"body")
    assert begun(bodies) == [1, 3]
    assert [bodies.waits(number) for number in (3, 5)] == [False, True]
    assert bodies.drop(5)
    assert begun(bodies) == []
    assert bodies.drop(1)
    assert begun(bodies) == [7]
    assert not bodies.drop(3)
    bodies.add(9, b"fields", b"body")
    bodies.add(11, b"fields", b"body")
    assert begun(bodies) == [9]
    bodies.agree(frames.MAX_CONCURRENT_STREAMS, 3)
    assert begun(bodies) == [11]


def test_what_is_dropped_takes_no_room() -> None:
    bodies = Bodies()
    bodies.agree(frames.INITIAL_WINDOW_SIZE, 1)
    bodies.add(1, b"", b"ab")
    bodies.drop(1)
    bodies.drop(1)
    bodies.widen(1, 5)
    assert bodies.due() == []
