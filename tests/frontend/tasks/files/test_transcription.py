"""Recordings through the file path, over a scripted recogniser that mishears words which are not whole."""

import dataclasses
import random

import numpy as np
import pytest

from frontend.config import settings
from frontend.engines import Engine
from frontend.errors import UnavailableError
from frontend.machines.context import as_known
from frontend.machines.pieces import Piece
from frontend.speech import (
    LANGUAGE_ID,
    RATE,
    Decoding,
    LanguageProbabilities,
    Manifest,
    ModelRef,
    Samples,
    Transcript,
    Word,
)
from frontend.tasks.files import transcription
from frontend.tasks.files.transcription import (
    RecordingTranscriber,
    Transcription,
    TranscriptionOptions,
    transcribe_recording,
)
from tests.frontend.fakes import ScriptedSpeech, spoken


def options(decoding: Decoding | None = None, pieces_at_once: int = 8) -> TranscriptionOptions:
    recognition = settings.Recognition(piece_seconds=2.5, longest_piece_seconds=10, pieces_at_once=pieces_at_once)
    return TranscriptionOptions.of(recognition, decoding or Decoding())


async def transcribe(samples: Samples) -> Transcription:
    return await transcribe_recording(samples, ScriptedSpeech(), options())


def talk(seconds: float, pause_every: int, seed: int = 1) -> list[tuple[float, float]]:
    """Words of natural lengths with hardly anything between them, but for a pause after each so many."""
    dice, at, said = random.Random(seed), 1.0, []
    while at < seconds - 2:
        length = dice.uniform(0.12, 0.7)
        said.append((at, at + length))
        at += length + (dice.uniform(0.35, 0.9) if len(said) % pause_every == 0 else 0.01)
    return said


def texts(count: int) -> str:
    return " ".join(f"word{number}" for number in range(count))


@pytest.mark.parametrize("pause_every", [4, 9, 10_000])
async def test_no_word_is_lost_doubled_or_cut_and_times_are_those_of_the_recording(pause_every: int) -> None:
    said = talk(180, pause_every)
    result = await transcribe(spoken(*said, seconds=180))
    assert result.text == texts(len(said))
    heard = [(word.start_seconds, word.end_seconds) for word in result.words]
    np.testing.assert_allclose(heard, said, atol=1e-3)
    assert result.duration_seconds == 180


async def test_what_is_no_speech_is_never_shown_to_the_recogniser() -> None:
    speech = ScriptedSpeech()
    result = await transcribe_recording(np.zeros(60 * RATE, np.int16), speech, options())
    assert (result.text, result.segments, result.language, result.truncated) == ("", (), "", False)
    assert speech.decodings == []
    await transcribe_recording(spoken((20.0, 21.0), seconds=60), speech, options())
    assert sum(speech.lengths_asked) <= 2 * RATE


@pytest.mark.parametrize("length", [0, 1, 511, 513])
async def test_hardly_any_audio_is_no_speech(length: int) -> None:
    assert (await transcribe(np.zeros(length, np.int16))).text == ""


async def test_pieces_are_segments_in_order_whatever_runs_at_once() -> None:
    speech = ScriptedSpeech()
    said = [(2.0 * number + 0.5, 2.0 * number + 1.3) for number in range(40)]
    result = await transcribe_recording(spoken(*said, seconds=80), speech, options(pieces_at_once=3))
    assert result.text == texts(40)
    assert [segment.text for segment in result.segments] == texts(40).split()
    assert [word.segment for word in result.words] == list(range(40))
    assert 1 < speech.most_transcribing <= 3


async def test_progress_goes_up_to_the_whole_recording() -> None:
    told: list[float] = []
    await transcribe_recording(spoken(*talk(60, 5), seconds=60), ScriptedSpeech(), options(), told.append)
    assert told == sorted(told)
    assert len(told) > 5
    assert told[-1] == 60


async def test_the_language_is_detected_once_and_given_to_every_piece() -> None:
    speech = ScriptedSpeech()
    speech.languages = {"en": 0.2, "de": 0.8}
    result = await transcribe_recording(spoken(*talk(60, 5), seconds=60), speech, options())
    assert (result.language, round(result.language_probability, 3)) == ("de", 0.8)
    assert {decoding.language for decoding in speech.decodings} == {"de"}


async def test_a_recording_is_cut_as_the_engine_of_its_language_hears_best_and_listened_to_once() -> None:
    class Two(ScriptedSpeech):
        def manifest(self, model: ModelRef) -> Manifest | None:
            long, short = Engine("a", ("en",), ("transcribe",), 30, 16), Engine("b", ("de",), ("transcribe",), 30, 4)
            return Manifest("asr", "00", languages=("en", "de"), tasks=("transcribe",), engines=(long, short))

    longest, samples = {}, spoken(*talk(90, 3), seconds=90)
    for language, probability in (("en", 0.8), ("de", 0.2)):
        speech = Two()
        speech.languages = {"en": probability, "de": 1 - probability}
        result = await transcribe_recording(
            samples, speech, TranscriptionOptions.of(settings.Recognition(), Decoding())
        )
        assert result.language == language
        assert result.text == texts(len(talk(90, 3)))
        assert sum(speech.windows_asked) == len(samples) // 512
        longest[language] = max(speech.lengths_asked) / RATE
    assert 8 < longest["en"] <= 17
    assert longest["de"] <= 5


async def test_where_no_language_id_is_served_the_recogniser_finds_the_language() -> None:
    class Alone(ScriptedSpeech):
        def manifest(self, model: ModelRef) -> Manifest | None:
            return None if model == LANGUAGE_ID else super().manifest(model)

        async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities:
            raise AssertionError("nobody would answer")

    speech = Alone()
    result = await transcribe_recording(spoken((1.0, 3.0), seconds=5), speech, options())
    assert (result.language, result.language_probability) == ("en", 0.75)
    assert {decoding.language for decoding in speech.decodings} == {None}


async def test_pieces_in_several_languages_may_each_be_detected() -> None:
    speech = ScriptedSpeech()
    each = TranscriptionOptions(language_per_piece=True)
    result = await transcribe_recording(spoken(*talk(30, 5), seconds=30), speech, each)
    assert {decoding.language for decoding in speech.decodings} == {None}
    assert (result.language, result.language_probability) == ("en", 0.75)


async def test_what_is_asked_for_goes_with_every_piece() -> None:
    speech = ScriptedSpeech()
    decoding = Decoding("de", "translate", prompt="before", hotwords=("hot",))
    await transcribe_recording(spoken(*talk(30, 5), seconds=30), speech, options(decoding))
    assert len(speech.decodings) > 3
    assert set(speech.decodings) == {decoding}


async def test_what_is_known_begins_the_piece_that_it_ends_in_and_nothing_before_it_is_heard() -> None:
    samples = spoken(*talk(30, 5), seconds=30)
    whole = await transcribe(samples)
    for count in (1, 4, 5, 17, len(whole.words)):
        speech, known = ScriptedSpeech(), whole.words[:count]
        result = await transcribe_recording(samples, speech, dataclasses.replace(options(), known=known))
        assert [word.text.strip() for word in result.words] == [word.text.strip() for word in whole.words[count:]]
        segment = whole.segments[known[-1].segment]
        inside = [word for word in known if word.start_seconds >= segment.start_seconds]
        assert [text.strip() for text in speech.decodings[0].prefix] == [word.text.strip() for word in inside]
        assert not any(decoding.prefix for decoding in speech.decodings[1:])
        assert len(speech.decodings) == len(whole.segments) - known[-1].segment


async def test_where_no_times_are_known_all_that_is_known_begins_the_first_piece() -> None:
    samples = spoken(*talk(30, 5), seconds=30)
    known = tuple(
        dataclasses.replace(word, start_seconds=0.0, end_seconds=0.0) for word in (await transcribe(samples)).words[:4]
    )
    speech = ScriptedSpeech()
    await transcribe_recording(samples, speech, dataclasses.replace(options(), known=known))
    assert [decoding.prefix for decoding in speech.decodings if decoding.prefix] == [as_known(known)]
    assert speech.decodings[0].prefix


async def test_a_model_that_fails_fails_the_recording_and_leaves_nothing_running() -> None:
    speech = ScriptedSpeech()
    samples = spoken(*talk(60, 5), seconds=60)
    speech.fail_after = 30
    with pytest.raises(UnavailableError):
        await transcribe_recording(samples, speech, options(Decoding("de")))


async def test_segments_are_told_as_they_become_certain_and_together_are_the_whole() -> None:
    samples, speech = spoken(*talk(60, 10_000), seconds=60), ScriptedSpeech()
    transcriber = RecordingTranscriber(samples, speech, options(pieces_at_once=1))
    told, asked = [], []
    async for segment in transcriber.segments():
        told.append(segment)
        asked.append(len(speech.decodings))
    assert tuple(told) == (await transcribe(samples)).segments
    assert asked[0] < asked[-1]
    assert transcriber.language == "en"


def test_segments_of_the_model_stay_and_a_truncated_piece_is_marked() -> None:
    words = (Word("Eins", 0.1, 0.5, 0.9), Word(" zwei.", 0.6, 0.9, 0.9), Word(" Drei.", 1.2, 1.6, 0.8, segment=1))
    whole, part = Transcript(words, "de"), Transcript(words[:2], "de", truncated=True)
    heard = [(Piece(0, 2 * RATE), whole, list(whole.words)), (Piece(2 * RATE, 4 * RATE), part, list(part.words))]
    result = Transcription(transcription.segments_of(heard), "de", 1.0, 4.0)
    assert [segment.text for segment in result.segments] == ["Eins zwei.", "Drei.", "Eins zwei."]
    assert result.text == "Eins zwei. Drei. Eins zwei."
    assert [segment.transcript.truncated for segment in result.segments] == [False, False, True]
    assert result.truncated


def test_languages_without_spaces_join_without_them() -> None:
    words = (Word("你好", 0, 1, 0.9),)
    heard = [(Piece(0, RATE), Transcript(words, "zh"), words)] * 2
    assert Transcription(transcription.segments_of(heard), "zh", 1.0, 2.0).text == "你好你好"
