"""Which language a recording is in, by its first speech, and in which it is transcribed."""

import dataclasses

import numpy as np
import pytest

from frontend.engines import Engine
from frontend.errors import ClientError
from frontend.speech import ASR, LANGUAGE_ID, RATE, Decoding, Manifest, ModelRef, Samples, Transcript
from frontend.tasks.files.language import LanguageOptions, detect_spoken_language
from frontend.tasks.files.transcription import transcribe_recording
from tests.frontend.fakes import ScriptedSpeech, spoken
from tests.frontend.tasks.files.test_transcription import options, talk


class Unsure(ScriptedSpeech):
    """Of a language that is no likelier than this its identification says nothing."""

    def __init__(self, unsure_probability: float) -> None:
        super().__init__()
        self.unsure_probability = unsure_probability

    def manifest(self, model: ModelRef) -> Manifest | None:
        known, unsure = super().manifest(model), self.unsure_probability
        return dataclasses.replace(known, unsure_probability=unsure) if known and model == LANGUAGE_ID else known


async def test_the_language_of_a_recording_comes_from_its_first_speech() -> None:
    speech = ScriptedSpeech()
    found = await detect_spoken_language(spoken(*talk(120, 5), seconds=120), speech, LanguageOptions())
    assert found.probabilities is not None
    language, probability = found.probabilities.likeliest
    assert (language, round(probability, 6)) == ("en", 0.9)
    assert found.enough
    assert 30 <= found.speech_seconds < 40
    assert sum(speech.windows_asked) < 60 * RATE / 512


async def test_too_little_speech_says_so_and_none_at_all_has_no_language() -> None:
    little = await detect_spoken_language(spoken((1.0, 1.5), seconds=30), ScriptedSpeech(), LanguageOptions())
    assert little.probabilities is not None
    assert not little.enough
    silent = await detect_spoken_language(np.zeros(30 * RATE, np.int16), ScriptedSpeech(), LanguageOptions())
    assert (silent.probabilities, silent.speech_seconds, silent.enough) == (None, 0.0, False)


async def test_a_language_that_the_recogniser_does_not_know_is_never_asked_for() -> None:
    speech = ScriptedSpeech()
    speech.languages = {"xx": 0.45, "de": 0.4, "en": 0.15}
    assert (await transcribe_recording(spoken((1.0, 3.0), seconds=5), speech, options())).language == "de"


async def test_where_it_is_mostly_a_language_that_the_recogniser_does_not_know_no_wrong_one_is_given_to_it() -> None:
    speech = ScriptedSpeech()
    speech.languages = {"xx": 0.9, "de": 0.07, "en": 0.03}
    await transcribe_recording(spoken((1.0, 3.0), seconds=5), speech, options())
    assert {decoding.language for decoding in speech.decodings} == {None}


async def test_a_recogniser_that_has_to_be_told_the_language_is_told_the_likeliest_that_it_knows() -> None:
    class Told(Unsure):
        """Refuses what is in no language."""

        def manifest(self, model: ModelRef) -> Manifest | None:
            known, engine = super().manifest(model), Engine("ctc", ("en", "de"), ("transcribe",), needs_language=True)
            return dataclasses.replace(known, engines=(engine,)) if known and model == ASR else known

        async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
            if not decoding.language:
                raise ClientError("LANGUAGE is needed")
            return await super().transcribe(samples, decoding, model)

    for heard in ({"xx": 0.6, "de": 0.35, "en": 0.05}, {"de": 0.02, "en": 0.01}):
        speech = Told(0.03)
        speech.languages = heard
        assert (await transcribe_recording(spoken((1.0, 3.0), seconds=5), speech, options())).language == "de"


async def test_where_no_language_is_likely_enough_each_piece_is_asked_for_itself() -> None:
    for likely, asked in ((0.29, None), (0.31, "de")):
        speech = Unsure(0.3)
        speech.languages = {"de": likely, "en": 0.1}
        await transcribe_recording(spoken(*talk(30, 5), seconds=30), speech, options())
        assert {decoding.language for decoding in speech.decodings} == {asked}


async def test_a_language_is_one_of_those_that_were_named() -> None:
    among = dataclasses.replace(options(), languages=("de",))
    assert (await transcribe_recording(spoken((1.0, 3.0), seconds=5), ScriptedSpeech(), among)).language == "de"


@pytest.mark.parametrize("heard", [{"es": 0.6, "de": 0.35, "en": 0.05}, {"de": 0.02, "en": 0.01}])
async def test_it_is_one_of_those_that_were_named_however_likely_that_is(heard: dict[str, float]) -> None:
    speech = Unsure(0.03)
    speech.languages = heard
    among = dataclasses.replace(options(), languages=("en", "de"))
    result = await transcribe_recording(spoken((1.0, 3.0), seconds=5), speech, among)
    assert result.language == "de"
    assert result.language_probability == pytest.approx(heard["de"])
    assert {decoding.language for decoding in speech.decodings} == {"de"}
