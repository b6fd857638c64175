"""The voices that tests and benchmarks speak with."""

import pytest

from export.calibration.voices import (
    LANGUAGES,
    OTHER_SYNTHESIZER_VOICES,
    TEST_VOICES,
    Voice,
    sentences,
    speak,
)
from export.failure import ExportError


def test_the_voices_are_twenty_and_those_of_another_synthesizer() -> None:
    assert len(set(TEST_VOICES)) == 20
    assert {voice.synthesizer for voice in TEST_VOICES} == {"espeak-ng"}
    assert {voice.synthesizer for voice in OTHER_SYNTHESIZER_VOICES} == {"flite"}


def test_every_language_has_two_dozen_sentences() -> None:
    assert all(len(sentences(language)) >= 24 for language in LANGUAGES)


@pytest.mark.parametrize("voice", [Voice("espeak-ng", "nosuch"), Voice("flite", "nosuch")])
def test_an_unknown_voice_is_refused_and_not_replaced_by_another(voice: Voice) -> None:
    with pytest.raises(ExportError, match="has no voice 'nosuch'"):
        speak(voice, "hello")


def test_flite_is_not_made_to_speak_german() -> None:
    with pytest.raises(ExportError, match="does not speak 'de'"):
        speak(OTHER_SYNTHESIZER_VOICES[0], "hallo", "de")


def test_a_missing_synthesizer_is_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ExportError, match="apt-get install espeak-ng flite"):
        speak(Voice("espeak-ng", "f3", pitch=51), "hello")
