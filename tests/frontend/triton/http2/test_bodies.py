"""Bodies leave as far as the server takes them."""

from frontend.triton.http2.bodies import Bodies
from frontend.triton.http2.frames import FIRST_WINDOW


def sent(bodies: Bodies) -> list[tuple[int, int, int]]:
    """Of each frame that is due: its call, its size, whether it is the last."""
    pieces = [bytes(piece) for piece in bodies.due()]
    heads = pieces[::2]
    assert [int.from_bytes(head[:3], "big") for head in heads] == [len(piece) for piece in pieces[1::2]]
    return [(int.from_bytes(head[5:], "big"), int.from_bytes(head[:3], "big"), head[4]) for head in heads]


def test_a_small_body_is_one_frame() -> None:
    bodies = Bodies()
    bodies.add(1, b"abc")
    assert b"".join(bodies.due()) == b"\0\0\3\0\1\0\0\0\1abc"
    assert bodies.due() == []


def test_a_large_one_is_cut_where_the_server_says() -> None:
    bodies = Bodies()
    bodies.frame_bytes = 100
    bodies.add(1, bytes(250))
    assert sent(bodies) == [(1, 100, 0), (1, 100, 0), (1, 50, 1)]


def test_no_more_leaves_than_the_server_takes_of_a_call() -> None:
    bodies = Bodies()
    bodies.begin_with(10)
    bodies.add(1, bytes(25))
    bodies.add(3, bytes(5))
    assert sent(bodies) == [(1, 10, 0), (3, 5, 1)]
    bodies.widen(1, 10)
    assert sent(bodies) == [(1, 10, 0)]
    bodies.begin_with(15)  # for those under way, too
    assert sent(bodies) == [(1, 5, 1)]


def test_a_window_that_shrinks_below_what_was_sent_is_waited_for() -> None:
    bodies = Bodies()
    bodies.add(1, bytes(FIRST_WINDOW + 1))
    assert sum(size for _, size, _ in sent(bodies)) == FIRST_WINDOW
    bodies.begin_with(0)
    bodies.widen(0, 10)
    bodies.widen(1, FIRST_WINDOW)
    assert sent(bodies) == []
    bodies.widen(1, 1)
    assert sent(bodies) == [(1, 1, 1)]


def test_no_more_leaves_than_the_server_takes_of_all() -> None:
    bodies = Bodies()
    bodies.begin_with(1 << 20)
    bodies.add(1, bytes(FIRST_WINDOW - 1))
    bodies.add(3, bytes(5))
    assert sum(size for _, size, _ in sent(bodies)) == FIRST_WINDOW
    bodies.widen(0, 100)
    assert sent(bodies) == [(3, 4, 1)]


def test_what_is_dropped_takes_no_room() -> None:
    bodies = Bodies()
    bodies.begin_with(1)
    bodies.add(1, b"ab")
    bodies.drop(1)
    bodies.drop(1)
    bodies.widen(1, 5)
    assert bodies.due() == []
