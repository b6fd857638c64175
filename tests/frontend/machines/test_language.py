"""Which language a stream is in."""

import pytest

from frontend.machines.language import StreamLanguage, StreamLanguageOptions
from frontend.speech import Transcript, Word

WORDS = (Word(" ja", 0.0, 0.4, 0.9),)


def heard(language: str, probability: float, words: tuple[Word, ...] = WORDS) -> Transcript:
    return Transcript(words, language, probability)


def test_a_sure_utterance_of_some_length_becomes_the_streams_language() -> None:
    stream = StreamLanguage(StreamLanguageOptions())
    assert stream.believes(heard("de", 0.4), 1.0), "there is nothing better yet"
    stream.settle(heard("de", 0.4), 1.0)
    assert stream.current is None
    stream.settle(heard("de", 0.9), 3.0)
    assert stream.current == "de"


@pytest.mark.parametrize(
    ("probability", "seconds", "believed"), [(0.5, 4.0, False), (0.9, 1.0, False), (0.9, 4.0, True)]
)
def test_another_language_is_believed_only_when_it_is_sure(probability: float, seconds: float, believed: bool) -> None:
    stream = StreamLanguage(StreamLanguageOptions())
    stream.settle(heard("de", 0.9), 3.0)
    assert stream.believes(heard("en", probability), seconds) is believed
    assert stream.believes(heard("de", 0.1), 1.0)


def test_where_nothing_was_said_the_language_is_nothing() -> None:
    stream = StreamLanguage(StreamLanguageOptions())
    stream.settle(heard("de", 0.9, ()), 3.0)
    assert stream.current is None


def test_a_voice_without_words_is_asked_for_in_the_streams_language_and_nobodys_silence_is_not() -> None:
    unsure, nobody = (Transcript((), "en", 0.1, no_speech_probability=likely) for likely in (0.2, 1.0))
    stream = StreamLanguage(StreamLanguageOptions())
    assert stream.believes(unsure, 1.0), "no language is known that it could be asked in"
    stream.settle(heard("de", 0.9), 3.0)
    assert not stream.believes(unsure, 1.0)
    assert stream.believes(nobody, 1.0)
    assert StreamLanguage(StreamLanguageOptions("de")).believes(unsure, 1.0), "it was asked in that language"


def test_a_language_of_the_client_stays() -> None:
    stream = StreamLanguage(StreamLanguageOptions("fr"))
    stream.settle(heard("fr", 1.0), 3.0)
    assert (stream.current, stream.fixed) == ("fr", "fr")
