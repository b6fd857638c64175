"""How soon a place is filled again."""

from frontend.workers.seat import Seat


def test_the_pause_doubles_to_a_limit_and_begins_again_after_a_healthy_while() -> None:
    seat = Seat(0, {})
    assert [seat.pause_seconds(now) for now in (0, 1, 3, 6, 11)] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert [seat.pause_seconds(now) for now in (50, 90, 130)] == [16.0, 30.0, 30.0]
    assert seat.pause_seconds(130 + 61) == 0.5
    for now in range(200, 240):
        assert seat.pause_seconds(now) <= 30.0
