"""A recogniser that hears long pieces best is given what was told before; nobody else is, and no word comes twice."""

import asyncio
import dataclasses
import itertools

import hypothesis
import pytest
from hypothesis import strategies as st

from frontend.dialogue.services import Services
from frontend.machines.recent import RecentAudio
from frontend.machines.segmenter import Segmenter, SegmenterOptions, Stretch
from frontend.speech import ASR, RATE, Decoding, ModelRef, Samples, Transcript
from frontend.tasks.live.recognition import Recogniser, RecognitionOptions
from frontend.telemetry.logs import Log
from tests.frontend.live_stage import Source, finals, in_tenths, lengths, live, words
from tests.frontend.spoken_tones import PIECE_SECONDS, LongHearing, ToneSpeech, speech_of

BABBLE = [(5000, 1500), (4000, 900), (7000, 9000)] * 12
WORDS = st.tuples(st.integers(2600, 9000), st.one_of(st.integers(1, 2500), st.integers(2500, 40000)))


@hypothesis.given(spoken=st.lists(WORDS, max_size=40))
def test_with_what_was_told_before_every_word_still_comes_once(spoken: list[tuple[int, int]]) -> None:
    samples, said = speech_of(spoken)
    heard = words(asyncio.run(live(Source(in_tenths(samples)), Services(LongHearing(lengths(said))))))
    assert [word.text for word in heard] == [f" w{each.number}" for each in said]
    assert [word.start_seconds for word in heard] == pytest.approx([each.start_sample / RATE for each in said])


async def test_what_was_told_is_heard_again_and_given_as_known() -> None:
    samples, said = speech_of(BABBLE)
    speech = LongHearing(lengths(said))
    events = await live(Source([samples.tobytes()]), Services(speech))
    last, seconds = speech.calls[-1], speech.heard_seconds[-1]
    told = [word.text for final in finals(events)[:-1] for word in final]
    assert len(last.prefix) > 6
    assert list(last.prefix) == told[-len(last.prefix) :]
    assert 8 < seconds <= PIECE_SECONDS


async def test_a_longer_pause_ends_what_belongs_together() -> None:
    samples, said = speech_of([*BABBLE, (5000, 3 * RATE), (4000, 900)])
    speech = LongHearing(lengths(said))
    await live(Source([samples.tobytes()]), Services(speech))
    assert speech.calls[-1].prefix == ()


async def test_who_takes_no_words_as_known_is_given_none() -> None:
    samples, said = speech_of(BABBLE)
    speech = LongHearing(lengths(said), prefix=False)
    await live(Source([samples.tobytes()]), Services(speech))
    assert not any(call.prefix for call in speech.calls)
    assert max(speech.heard_seconds) < 3


async def test_who_says_the_language_with_the_words_is_not_asked_for_it_first_once_it_is_known() -> None:
    samples, said = speech_of([(5000, 1500)] * 40)
    speech = LongHearing(lengths(said), hears_language=True)
    events = await live(Source([samples.tobytes()]), Services(speech))
    assert [word.text for word in words(events)] == [f" w{each.number}" for each in said]
    first, *others = [call.language for call in speech.calls]
    assert (first, {*others}) == (None, {"en"})


def recogniser_of(speech: LongHearing, samples: Samples) -> Recogniser:
    audio = RecentAudio()
    audio.append(samples)
    return Recogniser(speech, audio, RecognitionOptions(), Log("test"))


async def test_where_another_language_may_be_likelier_it_is_found_after_all() -> None:
    samples, said = speech_of(BABBLE)
    speech, segmenter = LongHearing(lengths(said), hears_language=True), Segmenter(SegmenterOptions())
    recogniser = recogniser_of(speech, samples)
    await recogniser.final(Stretch(0, 3 * RATE), segmenter)
    speech.language, speech.language_probability = "de", 0.49
    await recogniser.final(Stretch(3 * RATE, 6 * RATE), segmenter)
    assert [call.language for call in speech.calls] == [None, "en", None, "en"]


class Turning(LongHearing):
    """Once somebody speaks German it writes nothing where it is told that this is English."""

    turned = False
    no_speech_probability = 0.0

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        heard = await super().transcribe(samples, decoding, model)
        if not self.turned or decoding.language != "en":
            return heard
        no_speech = self.no_speech_probability
        return dataclasses.replace(heard, words=(), language_probability=0.05, no_speech_probability=no_speech)


@pytest.mark.parametrize(
    ("no_speech_probability", "asked", "language"),
    [(0.1, [None, "en", None], "de"), (1.0, [None, "en"], "en")],
)
async def test_where_no_words_are_heard_of_somebody_another_language_is_found_and_of_nobody_none(
    no_speech_probability: float, asked: list[str | None], language: str
) -> None:
    samples, said = speech_of(BABBLE)
    speech, segmenter = Turning(lengths(said), hears_language=True), Segmenter(SegmenterOptions())
    recogniser = recogniser_of(speech, samples)
    await recogniser.final(Stretch(0, 3 * RATE), segmenter)
    speech.turned, speech.language, speech.no_speech_probability = True, "de", no_speech_probability
    told = await recogniser.final(Stretch(3 * RATE, 6 * RATE), segmenter)
    assert [call.language for call in speech.calls] == asked
    assert (recogniser.language, bool(told)) == (language, language == "de")


async def test_a_partial_is_given_less_so_that_it_comes_soon() -> None:
    samples, said = speech_of(BABBLE)
    speech = LongHearing(lengths(said))
    events = await live(Source(in_tenths(samples), at_once=False), Services(speech))
    assert [word.text for word in words(events)] == [f" w{each.number}" for each in said]
    shorter = [one for one, other in itertools.pairwise(speech.heard_seconds) if one < other - 4]
    assert shorter, "a final hears more than the partials before it"


async def test_a_stream_knows_whether_it_is_alone() -> None:
    samples, said = speech_of([(4000, 8000), (5000, 800), (3000, 1600), (6000, 300)])
    speech, told = ToneSpeech(lengths(said)), list[bool]()
    audio = RecentAudio()
    audio.append(samples)
    recogniser = Recogniser(speech, audio, RecognitionOptions(), Log("test"))
    recogniser.observe = lambda _seconds, alone: told.append(alone)
    await recogniser.partial(0, len(samples))
    speech.transcribing += 1  # somebody else's
    await recogniser.partial(0, len(samples))
    assert told == [True, False]
