import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.machines.pieces import Piece, PieceCutter, PieceOptions, join
from frontend.speech import RATE, WINDOW_SAMPLES, Word

WINDOWS_A_SECOND = RATE / WINDOW_SAMPLES


def cut(decisions: Sequence[bool], options: PieceOptions, probabilities: Sequence[float] | None = None) -> list[Piece]:
    cutter = PieceCutter(options)
    pieces = list(cutter.feed(decisions, probabilities or [float(speaking) for speaking in decisions]))
    return pieces + list(cutter.finish(len(decisions) * WINDOW_SAMPLES))


def stretches(*lengths_seconds: float) -> list[bool]:
    """Speech and silence in turn."""
    decisions: list[bool] = []
    for place, seconds in enumerate(lengths_seconds):
        decisions += [place % 2 == 0] * round(seconds * WINDOWS_A_SECOND)
    return decisions


def seconds(piece: Piece) -> tuple[float, float]:
    return round(piece.start_samples / RATE, 1), round(piece.end_samples / RATE, 1)


def test_silence_and_clicks_are_nothing_to_transcribe() -> None:
    assert cut([], PieceOptions()) == []
    assert cut([False] * 1000, PieceOptions()) == []
    assert cut([False] * 100 + [True, True] + [False] * 100, PieceOptions()) == []


def test_a_piece_is_speech_with_a_margin_and_without_the_silence_around_it() -> None:
    (piece,) = cut([False] * 94 + stretches(2, 3), PieceOptions(margin_seconds=0.25))
    assert seconds(piece) == (2.8, 5.2)


def test_sentences_that_fit_together_are_one_piece_and_the_next_one_begins_another() -> None:
    pieces = cut(stretches(2, 0.5, 2, 0.5, 2, 0.5), PieceOptions(target_seconds=5.5))
    assert [seconds(piece) for piece in pieces] == [(0.0, 4.7), (4.7, 7.2)]
    assert all(piece.cut_samples is None for piece in pieces)


def test_a_long_pause_ends_a_piece_however_short_it_is() -> None:
    assert len(cut(stretches(1, 1.2, 1), PieceOptions())) == 2


def test_who_hears_long_pieces_best_hears_on_over_a_longer_pause() -> None:
    long = PieceOptions(target_seconds=18, longest_seconds=30)
    assert len(cut(stretches(1, 1.8, 1), long)) == 1
    assert len(cut(stretches(1, 2.2, 1), long)) == 2


def test_the_longest_pause_of_the_second_half_is_where_a_piece_ends() -> None:
    pieces = cut(stretches(1, 0.9, 2.0, 0.7, 1.0, 0.4, 2), PieceOptions(target_seconds=6))
    assert [seconds(piece) for piece in pieces] == [(0.0, 4.1), (4.3, 7.9)]


def test_a_pause_that_is_too_short_ends_no_piece() -> None:
    (piece,) = cut(stretches(4, 0.2, 4), PieceOptions(target_seconds=5, longest_seconds=20))
    assert seconds(piece) == (0.0, 8.2)


def test_a_click_before_speech_that_goes_on_is_no_piece() -> None:
    first, *_rest = cut([True, True] + [False] * 15 + stretches(12), PieceOptions())
    assert first.start_samples >= 2 * WINDOW_SAMPLES


def test_speech_without_a_pause_is_cut_where_it_is_least_likely_and_both_sides_hear_the_cut() -> None:
    decisions = stretches(12)
    probabilities = [1.0] * len(decisions)
    dip = round(6 * WINDOWS_A_SECOND)
    probabilities[dip - 1 : dip + 2] = [0.7, 0.5, 0.7]
    first, second = cut(decisions, PieceOptions(longest_seconds=10), probabilities)
    assert second.cut_samples == dip * WINDOW_SAMPLES
    assert first.end_samples >= second.cut_samples + 0.9 * RATE
    assert second.start_samples <= second.cut_samples - 0.9 * RATE


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 300)), max_size=30),
    st.floats(1, 30),
    st.floats(1, 30),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_all_speech_is_in_a_piece_and_no_piece_is_too_long(
    runs: list[tuple[bool, int]], target: float, longest: float, pause: float, margin: float
) -> None:
    decisions = [speaking for speaking, length in runs for _ in range(length)]
    dice = random.Random(len(decisions))
    options = PieceOptions(min(target, longest), longest, pause, min(margin, longest / 6))
    pieces = cut(decisions, options, [dice.random() for _ in decisions])
    covered = [False] * len(decisions)
    for before, piece in zip([None, *pieces], pieces, strict=False):
        assert 0 <= piece.start_samples < piece.end_samples <= len(decisions) * WINDOW_SAMPLES
        assert piece.end_samples - piece.start_samples <= longest * RATE
        overlaps = before is not None and piece.start_samples < before.end_samples
        assert overlaps == (piece.cut_samples is not None)
        for window in range(piece.start_samples // WINDOW_SAMPLES, -(-piece.end_samples // WINDOW_SAMPLES)):
            covered[window] = True
    missed = [window for window, speaking in enumerate(decisions) if speaking and not covered[window]]
    # Only clicks: runs of one or two windows.
    assert all(not {window - 1, window, window + 1, window + 2} <= set(missed) for window in missed)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100)), max_size=20), st.integers(1, 50))
def test_pieces_do_not_depend_on_how_windows_come(runs: list[tuple[bool, int]], step: int) -> None:
    decisions = [speaking for speaking, length in runs for _ in range(length)]
    whole = cut(decisions, PieceOptions())
    cutter = PieceCutter(PieceOptions())
    pieces: list[Piece] = []
    for start in range(0, len(decisions), step):
        part = decisions[start : start + step]
        pieces += cutter.feed(part, [float(speaking) for speaking in part])
    assert [*pieces, *cutter.finish(len(decisions) * WINDOW_SAMPLES)] == whole


def words(*said: tuple[str, float, float], confidence: float = 0.9) -> list[Word]:
    return [Word(f" {text}", start, end, confidence) for text, start, end in said]


def texts(*parts: Sequence[Word]) -> str:
    return "".join(word.text for part in parts for word in part)


def test_a_word_that_both_sides_heard_is_said_once() -> None:
    before = words(("one", 3, 3.5), ("two", 4.0, 4.6), ("thr", 4.8, 5.0))
    after = words(("oh", 3.5, 3.6), ("two", 4.1, 4.6), ("three", 4.8, 5.3))
    assert texts(*join(before, after, 4.3)) == " one two three"


def test_a_word_that_each_side_places_beyond_the_cut_is_not_lost() -> None:
    before = words(("one", 3, 3.5), ("two", 4.0, 4.7))
    after = words(("too", 3.8, 4.6), ("three", 4.9, 5.3), confidence=0.8)
    assert texts(*join(before, after, 4.3)) == " one two three"


def test_of_a_word_that_was_heard_differently_the_surer_one_is_kept() -> None:
    before = words(("one", 3, 3.5), ("too", 4.0, 4.58), confidence=0.5)
    after = words(("two", 4.03, 4.6), ("three", 4.9, 5.3))
    assert texts(*join(before, after, 4.3)) == " one two three"


def test_a_word_said_twice_stays_twice() -> None:
    before = words(("no", 3.0, 3.3), ("no", 3.6, 3.9), ("no", 4.2, 4.5))
    after = words(("no", 3.6, 3.9), ("no", 4.2, 4.5), ("no", 4.8, 5.1))
    assert texts(*join(before, after, 4.1)) == " no no no no"


def test_pieces_without_words_join() -> None:
    assert join([], [], 4.0) == ([], [])
    assert texts(*join(words(("one", 3, 3.5)), [], 4.0)) == " one"
    assert texts(*join([], words(("one", 4.2, 4.5)), 4.0)) == " one"


def test_without_times_what_both_sides_said_is_said_once() -> None:
    before = [Word(f" {text}", 0.0, 0.0, 0.9) for text in ("one", "two", "Three,")]
    for said, expected in (("two three, four", " four"), ("three, four", " four"), ("five six", " five six")):
        after = [Word(f" {text}", 0.0, 0.0, 0.9) for text in said.split()]
        assert texts(*join(before, after, 4.3)) == " one two Three," + expected


def test_a_piece_in_which_nothing_was_heard_takes_no_word_from_the_other() -> None:
    beyond, within = words(("one", 4.9, 5.2), ("two", 5.5, 5.8)), words(("one", 3.0, 3.1), ("two", 3.2, 3.5))
    assert texts(*join(beyond, [], 4.0)) == texts(*join([], within, 4.0)) == " one two"


def test_where_one_side_has_no_times_nothing_is_judged_by_them() -> None:
    before = words(("one", 3, 3.5), ("two", 4.0, 4.6))
    after = [Word(f" {text}", 0.0, 0.0, 0.9) for text in ("two", "three", "four")]
    assert texts(*join(before, after, 4.3)) == " one two three four"


def test_no_pause_is_passed_over_for_a_cut_amid_speech() -> None:
    pieces = cut(stretches(7, 0.5, 7), PieceOptions(target_seconds=10, longest_seconds=10))
    assert pieces[0].end_samples / RATE < 7.5
    assert pieces[1].cut_samples is None


@pytest.mark.parametrize(
    ("asked", "told", "expected"),
    [
        ((0, 0), (5.5, 30), (5.5, 11)),  # as the model says
        ((0, 0), (0, 30), (24, 30)),  # a model that does not say
        ((3, 0), (5.5, 30), (3, 6)),
        ((25, 40), (5.5, 30), (25, 30)),  # never more than the model takes
        ((0, 4), (5.5, 30), (4, 4)),
    ],
)
def test_lengths_that_are_not_set_are_the_models(
    asked: tuple[float, float], told: tuple[float, float], expected: tuple[float, float]
) -> None:
    fitted = PieceOptions(*asked).fitted(*told)
    assert (fitted.target_seconds, fitted.longest_seconds) == expected
