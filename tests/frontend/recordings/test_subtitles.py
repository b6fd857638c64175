"""Finals as text, SubRip and WebVTT: every word once, in cues that people can read."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from frontend.recordings.subtitles import LINE_CHARACTERS, Cue, cues, plain, srt, vtt
from frontend.recordings.transcript import final_of, words_of
from frontend.speech import Word

HELLO = [Word(" Hello", 0.0, 0.5, 0.9), Word(" world.", 0.52, 1.0, 0.8)]
TIME = re.compile(r"(\d\d+):([0-5]\d):([0-5]\d)[,.](\d{3})")


def spaced(texts: list[str], step_seconds: float = 0.4) -> list[Word]:
    return [Word(f" {text}", step_seconds * i, step_seconds * (i + 1), 0.9) for i, text in enumerate(texts)]


@st.composite
def timed_words(draw: st.DrawFn) -> list[Word]:
    words, now = [], 0.0
    for text in draw(st.lists(st.text(min_size=1, max_size=60).filter(str.strip), max_size=40)):
        start = now + draw(st.floats(0, 3))
        now = start + draw(st.floats(0, 5))
        words.append(Word(draw(st.sampled_from([" ", ""])) + text, start, now, 0.5))
    return words


def test_srt_is_numbered_and_has_commas_in_its_times() -> None:
    later = [Word(" Again", 3661.0, 3661.9996, 0.9)]
    assert srt(cues([HELLO, later])) == (
        "1\n00:00:00,000 --> 00:00:01,000\nHello world.\n\n2\n01:01:01,000 --> 01:01:02,000\nAgain\n\n"
    )


def test_vtt_has_a_head_and_points_in_its_times() -> None:
    assert vtt(cues([HELLO])) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello world.\n\n"


def test_an_empty_transcript_is_a_valid_file() -> None:
    assert srt(cues([])) == ""
    assert vtt(cues([[]])) == "WEBVTT\n\n"
    assert plain([]) == ""


def test_vtt_escapes_what_would_be_markup() -> None:
    shown = vtt(cues([spaced(["<b>", "R&D", "-->", "x"])]))
    assert "&lt;b&gt; R&amp;D -&gt; x" in shown
    assert shown.count("-->") == 1


def test_an_arrow_in_a_text_does_not_begin_a_cue() -> None:
    assert srt(cues([spaced(["a", "-->", "b"])])).count("-->") == 1


def test_a_line_break_in_a_word_does_not_end_a_cue() -> None:
    assert "a b c" in srt(cues([spaced(["a\n\nb", "c\r"])]))


def test_long_speech_is_cut_into_cues_of_two_lines() -> None:
    shown = list(cues([spaced(["seven"] * 60, 0.1)]))
    assert len(shown) > 3
    for cue in shown:
        assert 1 <= len(cue.lines) <= 2
        assert all(len(line) <= LINE_CHARACTERS for line in cue.lines)


def test_a_long_cue_is_cut_in_time_and_at_pauses() -> None:
    slow = spaced(["one", "two", "three", "four"], 2.5)
    assert max(cue.end_seconds - cue.start_seconds for cue in cues([slow])) <= 7.0
    paused = [Word(" a", 0, 0.2, 1), Word(" b", 3.0, 3.2, 1)]
    assert list(cues([paused])) == [Cue(0, 0.2, ("a",)), Cue(3.0, 3.2, ("b",))]


def test_a_language_without_spaces_stays_without() -> None:
    words = [Word("今日", 0, 0.4, 0.9), Word("は", 0.4, 0.5, 0.9)]
    assert next(cues([words_of(final_of(words, "今日は"))])).lines == ("今日は",)


def test_plain_text_has_a_line_for_each_final() -> None:
    assert plain([" Hello world.", "", "  two\n lines "]) == "Hello world.\ntwo lines\n"


@given(st.lists(timed_words(), max_size=3))
def test_every_word_is_shown_once_and_no_cue_overlaps_the_next(finals: list[list[Word]]) -> None:
    shifted, now = [], 0.0
    for words in finals:
        shifted.append([Word(w.text, w.start_seconds + now, w.end_seconds + now, 1) for w in words])
        now += words[-1].end_seconds if words else 0
    shown = list(cues(shifted))
    spoken = "".join(word.text for words in shifted for word in words)
    kept = "".join(character for character in spoken if character.isprintable() and not character.isspace())
    assert "".join("".join(line.split()) for cue in shown for line in cue.lines) == "".join(kept.split())
    for cue, following in itertools.pairwise(shown):
        assert cue.end_seconds > cue.start_seconds
        assert cue.end_seconds <= following.start_seconds or following.start_seconds <= cue.start_seconds + 0.001
    assert len(TIME.findall(srt(shown))) == 2 * len(shown)
