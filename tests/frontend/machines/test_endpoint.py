import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.machines.endpoint import EndpointDetector, EndpointOptions

Window = tuple[bool, float]
SPEECH, SILENCE, FADING = [(True, 0.99)], [(False, 0.01)], [(True, 0.6)]
windows_of = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=60)


def feed(detector: EndpointDetector, windows: list[Window]) -> bool:
    return detector.feed([speaking for speaking, _ in windows], [probability for _, probability in windows])


def first_end(windows: list[Window], min_speech_ms: float, silence_ms: float) -> int | None:
    """After how many windows of 32 ms the utterance has ended."""
    detector = EndpointDetector(EndpointOptions(min_speech_ms, silence_ms))
    return next((count for count, one in enumerate(windows, 1) if feed(detector, [one])), None)


# Three windows after the last clear one may still hold speech, so they are not counted as silence.
@pytest.mark.parametrize(
    ("windows", "min_speech_ms", "silence_ms", "expected"),
    [
        (SPEECH * 10 + SILENCE * 10, 320, 160, 18),
        (SPEECH * 10 + SILENCE * 20, 321, 160, None),  # too little speech
        (SPEECH * 10 + SILENCE * 7, 100, 160, None),  # too little silence
        (SPEECH * 5 + SILENCE * 7 + SPEECH * 5 + SILENCE * 8, 100, 160, 25),  # a pause is no end
        (SILENCE * 9, 0, 160, 8),  # no speech asked for
        (SPEECH, 0, 0, 1),
        (SILENCE, 0, 0, 1),
        (SPEECH * 3 + SILENCE * 2 + SPEECH * 3 + SILENCE * 9, 192, 160, 16),  # speech adds up over pauses
        (SPEECH * 10 + FADING * 6 + SILENCE * 10, 320, 160, 18),  # silence began while the probability still fell
        (SPEECH * 10 + FADING * 6, 320, 0.1, None),  # not while the decision says speech
        (SPEECH * 10 + FADING * 40 + SILENCE * 10, 320, 320, 55),  # a long uncertain stretch is no silence
    ],
)
def test_the_end_comes_with_enough_speech_and_then_enough_silence(
    windows: list[Window], min_speech_ms: float, silence_ms: float, expected: int | None
) -> None:
    assert first_end(windows, min_speech_ms, silence_ms) == expected


@given(before=windows_of, after=windows_of)
def test_an_end_once_found_stays(before: list[Window], after: list[Window]) -> None:
    detector = EndpointDetector(EndpointOptions(64, 96))
    if feed(detector, before):
        assert all(feed(detector, [one]) for one in after)


@given(windows=windows_of, at=st.integers(0, 60))
def test_it_does_not_depend_on_how_the_stream_was_cut(windows: list[Window], at: int) -> None:
    whole, parts = (EndpointDetector(EndpointOptions(64, 96)) for _ in range(2))
    feed(parts, windows[:at])
    assert feed(whole, windows) == feed(parts, windows[at:])
