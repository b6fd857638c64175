"""People's recordings made into truths, and what is judged by them."""

from pathlib import Path

import numpy as np
import pytest

from export.evaluation import people, ranges
from export.evaluation.people import joined, trimmed, write
from export.evaluation.services import End, _end, _end_figure, _pauses
from export.evaluation.truth import Truth
from export.people.recordings import Recording
from export.people.sound import RATE, read


def tone(seconds: float, level: float = 0.5) -> people.Samples:
    return np.asarray(level * np.sin(np.arange(round(seconds * RATE)) * 0.3), np.float32)


def silence(seconds: float) -> people.Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def test_what_is_quiet_around_a_sound_is_cut() -> None:
    assert len(trimmed(np.concatenate([silence(0.4), tone(1), silence(0.7)]))) == pytest.approx(RATE, abs=RATE / 50)
    assert len(trimmed(silence(1))) == 0


def test_sounds_are_joined_with_gaps_all_around() -> None:
    whole = joined([tone(1), tone(0.5)])
    assert len(whole) == round(2.4 * RATE)
    assert not whole[: round(0.3 * RATE)].any()
    assert not whole[-round(0.3 * RATE) :].any()


def test_what_was_written_is_read_again_and_not_written_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "made" / "a.wav", tone(0.5))
    assert np.abs(read(path) - tone(0.5)).max() < 1e-3
    before = path.stat().st_mtime_ns
    write(path, tone(0.5))
    assert path.stat().st_mtime_ns == before


def test_numbers_in_a_row_have_the_times_at_which_they_were_put(tmp_path: Path) -> None:
    known = []
    for number, name in enumerate(("one", "two", "three", "four", "five", "six")):
        path = write(tmp_path / "digits" / f"{number}.wav", np.concatenate([silence(0.2), tone(0.3 + 0.1 * number)]))
        known.append(Recording(path, "en", "allison en", name, "asterisk-core-sounds-en-wav", "train", isolated=True))
    (truth,) = people._numbers(known, tmp_path / "made")
    samples = read(truth.audio)
    assert truth.text == " ".join(word for word, _, _ in truth.words)
    assert sorted(truth.text.split()) == sorted(each.text or "" for each in known)
    for _, start, end in truth.words:
        inside = samples[round(start * RATE) : round(end * RATE)]
        assert np.abs(inside).max() > 0.4
        assert not np.abs(samples[round(start * RATE) - 400 : round(start * RATE) - 5]).any()


def test_one_speakers_recordings_are_joined_until_they_are_long_enough(tmp_path: Path) -> None:
    known = []
    for number in range(5):
        path = write(tmp_path / f"{number}.wav", tone(1.6))
        known.append(Recording(path, "fr", "armelle", None, "asterisk-prompt-fr-armelle", "test"))
    heard = Recording(known[0].path, "fr", "june", None, "asterisk-core-sounds-fr-wav", "train")
    found = list(people._languages([*known, heard], 3.0, tmp_path / "made"))
    assert [(each.language, each.speaker, each.split) for each in found] == [
        ("fr", "armelle", "language, 3 s and more")
    ] * 2
    assert all(len(read(each.audio)) >= 3 * RATE for each in found)


def test_at_most_so_many_are_spread_over_all() -> None:
    split = [Truth(Path(f"{number}.wav"), "all") for number in range(10)]
    assert [each.audio.stem for each in people._spread(split, 3)] == ["0", "4", "8"]
    assert people._spread(split, 10) == people._spread(split, None) == split


def test_a_range_holds_the_figure_and_narrows_with_more_recordings() -> None:
    few, many = (ranges.of_ratio([0, 1, 0, 0] * times, [1.0] * 4 * times) for times in (5, 500))
    assert few is not None
    assert many is not None
    assert few[0] < many[0] < 25 < many[1] < few[1]
    assert ranges.of_ratio([1], [1]) is None
    assert ranges.of_median([3.0, 3.0, 3.0]) == (3.0, 3.0)


def test_who_goes_on_was_cut_off_and_whose_last_sound_fades_was_not() -> None:
    ends = [End(100.0, False), End(-700.0, True), None, End(60.0, False), End(-510.0, False)]
    told = _end_figure(500, ends)
    assert (told["median_ms"], told["cut_off"], told["never_told"], told["recordings"]) == (60, 1, 1, 5)
    assert told["faded"] == 1


@pytest.mark.parametrize(("after", "goes_on"), [([], False), ([True] * 5, True)])
def test_an_end_is_told_once_there_was_enough_silence(after: list[bool], goes_on: bool) -> None:
    decisions = [False] * 5 + [True] * 20 + [False] * 20 + after
    end = _end(decisions, [float(each) for each in decisions], 320, end_ms=25 * 32)
    assert end is not None
    assert end.delay_ms == pytest.approx(0, abs=4 * 32)
    assert end.goes_on is goes_on
    assert _end([False] * 60, [0.0] * 60, 320, 0.0) is None


def test_pauses_are_noticed() -> None:
    assert not _pauses(tone(1.5))
    assert _pauses(np.concatenate([tone(0.6), silence(0.3), tone(0.6)]))
