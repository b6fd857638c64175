"""Since when a stream is silent: from the end of what is heard, not from when the model made up its mind."""

from frontend.machines.silence import TrailingSilence


def after(*windows: tuple[bool, float]) -> int:
    """The silence in the end, in windows."""
    silence = TrailingSilence()
    return [silence.feed(speaking, probability) for speaking, probability in windows][-1]


def test_there_is_none_while_somebody_speaks() -> None:
    assert after((True, 0.99)) == 0
    assert after(*[(True, 0.6)] * 20) == 0


def test_it_counts_from_the_last_clear_window_where_speech_ends_in_quiet() -> None:
    """Three windows are the sound's own end."""
    assert after((True, 0.99), *[(False, 0.01)] * 3) == 0
    assert after((True, 0.99), *[(False, 0.01)] * 10) == 7


def test_where_it_ends_in_noise_the_fall_counts_as_silence() -> None:
    assert after((True, 0.99), *[(True, 0.6)] * 6, (False, 0.3)) == 6 + 1 - 3


def test_mumbling_is_no_silence_beyond_the_longest_fall() -> None:
    assert after((True, 0.99), *[(True, 0.6)] * 50, (False, 0.3)) == 8 + 1 - 3


def test_a_clear_window_begins_anew() -> None:
    assert after((True, 0.99), *[(False, 0.01)] * 20, (True, 0.9), *[(False, 0.01)] * 4) == 1


def test_a_stream_that_begins_silent_is_silent_from_its_beginning() -> None:
    assert after(*[(False, 0.0)] * 10) == 7
