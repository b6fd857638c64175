import pytest

from frontend.telemetry.rate import Rate


def counted(a_second: int, seconds: float = 3.0) -> Rate:
    """So many have come a second, ten times a second."""
    rate = Rate()
    for step in range(1, round(10 * seconds) + 1):
        rate.count(a_second // 10, step / 10)
    return rate


def test_who_is_alone_waits_for_nobody_and_many_wait_as_long_as_they_may() -> None:
    assert Rate().wait_seconds(0.04) == 0
    assert counted(300).wait_seconds(0.04) == pytest.approx(0.02, rel=0.01)
    assert counted(600).wait_seconds(0.04) == pytest.approx(0.04, rel=0.01)
    assert counted(60_000).wait_seconds(0.04) == 0.04


def test_a_crowd_that_is_gone_is_forgotten_in_seconds_and_one_moment_is_no_crowd() -> None:
    rate = counted(6000)
    rate.count(1, 6.0)
    assert rate.wait_seconds(0.04) < 0.001
    rate = counted(10)
    rate.count(8, 3.0001)
    rate.count(8, 3.0001)
    assert rate.wait_seconds(0.04) < 0.03
