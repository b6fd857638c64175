import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.machines.endpoint import EndpointDetector, EndpointOptions

SPEECH, SILENCE = [True], [False]


def first_end(decisions: list[bool], min_speech_ms: float, silence_ms: float) -> int | None:
    """After how many windows of 32 ms the utterance has ended."""
    detector = EndpointDetector(EndpointOptions(min_speech_ms, silence_ms))
    return next((count for count, one in enumerate(decisions, 1) if detector.feed([one])), None)


@pytest.mark.parametrize(
    ("decisions", "min_speech_ms", "silence_ms", "expected"),
    [
        (SPEECH * 10 + SILENCE * 10, 320, 160, 15),
        (SPEECH * 10 + SILENCE * 10, 321, 160, None),  # too little speech
        (SPEECH * 10 + SILENCE * 4, 100, 160, None),  # too little silence
        (SPEECH * 5 + SILENCE * 4 + SPEECH * 5 + SILENCE * 5, 100, 160, 19),  # a pause is no end
        (SILENCE * 9, 0, 160, 5),  # no speech asked for
        (SPEECH, 0, 0, 1),
        (SILENCE, 0, 0, 1),
        (SPEECH * 3 + SILENCE * 2 + SPEECH * 3 + SILENCE * 5, 192, 160, 13),  # speech adds up over pauses
    ],
)
def test_the_end_comes_with_enough_speech_and_then_enough_silence(
    decisions: list[bool], min_speech_ms: float, silence_ms: float, expected: int | None
) -> None:
    assert first_end(decisions, min_speech_ms, silence_ms) == expected


@given(before=st.lists(st.booleans(), max_size=40), after=st.lists(st.booleans(), max_size=40))
def test_an_end_once_found_stays(before: list[bool], after: list[bool]) -> None:
    detector = EndpointDetector(EndpointOptions(64, 96))
    if detector.feed(before):
        assert all(detector.feed([one]) for one in after)


@given(decisions=st.lists(st.booleans(), max_size=60), at=st.integers(0, 60))
def test_it_does_not_depend_on_how_the_stream_was_cut(decisions: list[bool], at: int) -> None:
    whole, parts = (EndpointDetector(EndpointOptions(64, 96)) for _ in range(2))
    parts.feed(decisions[:at])
    assert whole.feed(decisions) == parts.feed(decisions[at:])
