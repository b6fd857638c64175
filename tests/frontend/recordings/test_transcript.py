"""Finals as clients get them and recordings keep them."""

from hypothesis import given

from frontend.recordings.transcript import final_of, words_of
from frontend.speech import Word
from tests.frontend.recordings.test_subtitles import timed_words


def test_a_final_has_the_documented_form() -> None:
    final = final_of([Word(" für", 8.8323754, 10.1123754, 0.9745821)], " für")
    assert final == {"result": [{"conf": 0.974582, "start": 8.832, "end": 10.112, "word": "für"}], "text": " für"}


@given(timed_words())
def test_a_final_keeps_its_words(words: list[Word]) -> None:
    again = words_of(final_of(words, "".join(word.text for word in words)))
    assert [word.text.strip() for word in again] == [word.text.strip() for word in words]


def test_words_keep_the_white_space_that_their_language_has() -> None:
    words = [Word("你", 0.0, 0.2, 0.9), Word("好", 0.2, 0.4, 0.9), Word(" OK", 0.5, 0.8, 0.9)]
    assert words_of(final_of(words, "你好 OK")) == words


def test_a_text_that_lacks_a_word_has_it_all_the_same() -> None:
    final = final_of([Word(" one", 0.0, 0.2, 0.9), Word(" two", 0.2, 0.4, 0.9)], " two")
    assert [word.text for word in words_of(final)] == [" one", " two"]
