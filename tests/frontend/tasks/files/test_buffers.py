"""What is buffered of a stream is heard with what was said before it, and says no word of that again."""

import asyncio
import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from frontend.config import settings
from frontend.dialogue.events import RecordingTranscribed
from frontend.dialogue.services import Services
from frontend.errors import UnavailableError
from frontend.memory.budget import Budget
from frontend.speech import (
    LANGUAGE_ID,
    RATE,
    VAD,
    Decoding,
    LanguageProbabilities,
    Manifest,
    ModelRef,
    Probabilities,
    Samples,
    VadState,
)
from frontend.tasks.files.buffers import StreamMemory, TranscribeBuffer
from tests.frontend.fakes import budget
from tests.frontend.live_stage import lengths
from tests.frontend.spoken_tones import PIECE_SECONDS, LongHearing, Said, speech_of

BABBLE = [(5000, 1500), (4000, 900), (7000, 2000)] * 12
WORDS = st.tuples(st.integers(2600, 9000), st.one_of(st.integers(400, 2500), st.integers(2500, 70000)))
CONTEXT_SECONDS = 12.0
FADING_WINDOWS = 10
WAIT_SECONDS = 2.0  # so much at the end of a buffer is told with the next where the recogniser is not sure of it


class Bilingual(LongHearing):
    """Says which language is spoken as it is told."""

    spoken = "en"

    async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities:
        return LanguageProbabilities.of({self.spoken: 0.9})


class OnlyOnce(LongHearing):
    """Hears a language the first time, and nobody after that."""

    asked = 0

    async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities:
        self.asked += 1
        return LanguageProbabilities.of({"en" if self.asked == 1 else "fr": 0.9})


class HardlyAny(LongHearing):
    """Is sure of a language the first time or never, and hears others after that."""

    asked = 0
    ever_sure = True
    others: Mapping[str, float] = {"en": 0.1}

    def manifest(self, model: ModelRef) -> Manifest | None:
        known = super().manifest(model)
        return dataclasses.replace(known, unsure_probability=0.2) if known and model == LANGUAGE_ID else known

    async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities:
        self.asked += 1
        return LanguageProbabilities.of({"en": 0.9} if self.ever_sure and self.asked == 1 else self.others)


class Fading(LongHearing):
    """Voices that fade: the last third of a second of each sound is words, and no speech to voice activity."""

    async def speech_probabilities(
        self, samples: Samples, state: VadState, model: ModelRef = VAD
    ) -> tuple[Probabilities, VadState]:
        probabilities, state = await super().speech_probabilities(samples, state, model)
        ahead = np.concatenate([probabilities, np.zeros(FADING_WINDOWS)])
        loud = [ahead[at : at + FADING_WINDOWS + 1].min() for at in range(len(probabilities))]
        return np.array(loud, np.float32), state


class Buffers:
    """Three seconds at first and two more each time, the last second heard again; then what is left."""

    def __init__(self, speech: LongHearing, held: Budget | None = None, language: str | None = "en") -> None:
        self.memory = StreamMemory(CONTEXT_SECONDS)
        self.held = held or budget()
        self.kept = self.held.lease()
        self.services = Services(speech, held=self.held, kept=self.kept)
        self.decoding = Decoding(language)

    async def texts(self, samples: Samples) -> list[str]:
        found, start = [], 0
        while len(samples) - start >= 3 * RATE:
            found.append(await self.text(samples[start : start + 3 * RATE], start))
            start += 2 * RATE
        return [*found, await self.text(samples[start:], start, final=True)]

    async def text(self, samples: Samples, start_sample: int, *, final: bool = False) -> str:
        recognition = settings.Recognition(context_seconds=CONTEXT_SECONDS)
        job = TranscribeBuffer([samples.tobytes()], start_sample, RATE, self.decoding, recognition, self.memory, final)
        event = await job.run(self.services)
        assert isinstance(event, RecordingTranscribed)
        return event.text


def inside(said: Sequence[Said], start_seconds: float, end_seconds: float) -> list[str]:
    return [
        f"w{each.number}"
        for each in said
        if start_seconds * RATE <= each.start_sample and each.end_sample <= end_seconds * RATE
    ]


@hypothesis.given(spoken=st.lists(WORDS, max_size=40))
def test_each_text_says_what_is_in_its_buffer_whole_and_in_order(spoken: list[tuple[int, int]]) -> None:
    samples, said = speech_of(spoken)
    texts = asyncio.run(Buffers(LongHearing(lengths(said))).texts(samples))
    for number, text in enumerate(texts):
        final = number == len(texts) - 1
        start, end = 2 * number, len(samples) / RATE if final else 2 * number + 3
        heard = text.split()
        wanted = inside(said, start, end if final else end - WAIT_SECONDS)
        assert [word for word in heard if word in wanted] == wanted
        waited = max(0.0, start + 1 - WAIT_SECONDS)  # what the buffer before was not sure of
        possible = [
            each.number for each in said if each.end_sample > waited * RATE - 2 and each.start_sample < end * RATE
        ]
        assert [int(word[1:]) for word in heard] == sorted({int(word[1:]) for word in heard} & set(possible))
    once = {word for text in texts for word in text.split() if word.startswith("w")}
    assert once == {f"w{each.number}" for each in said}


async def test_what_was_said_before_is_heard_again_and_given_as_known() -> None:
    samples, said = speech_of(BABBLE)
    speech = LongHearing(lengths(said))
    await Buffers(speech).texts(samples)
    assert speech.calls[0].prefix == ()
    assert all(len(call.prefix) > len(before.prefix) for before, call in itertools.pairwise(speech.calls[:4]))
    assert 10 < max(speech.heard_seconds) <= PIECE_SECONDS


async def test_nothing_is_said_again_after_a_pause_that_is_short_between_words_and_long_to_voice_activity() -> None:
    sentence, pause = [(9000, 1600)] * 8, (9000, round(1.9 * RATE))
    samples, said = speech_of([*sentence, pause, *sentence, pause, *sentence])
    texts = await Buffers(Fading({})).texts(samples)
    for number, text in enumerate(texts):
        told = [int(word[1:]) for word in text.split()]
        assert told == sorted(set(told))
        before = {int(word[1:]) for each in texts[:number] for word in each.split()}
        assert all(said[again].end_sample > 2 * number * RATE for again in before & set(told))
    assert {word for text in texts for word in text.split()} == {f"w{each.number}" for each in said}


async def test_a_word_that_waits_is_not_lost_where_nobody_speaks_any_more() -> None:
    samples, said = speech_of([(6000, 19200), (6000, 3200)], 6 * RATE)
    buffers = Buffers(OnlyOnce(lengths(said)), language=None)
    texts = await buffers.texts(samples)
    assert " ".join(texts).split() == ["w0", "w1"]
    assert texts[0] == "", "both may still be heard better"


@pytest.mark.parametrize(("ever_sure", "heard"), [(True, ["w0", "w1", "w2"]), (False, [])])
@pytest.mark.parametrize("others", [{"en": 0.1}, {"xx": 0.6, "en": 0.4}])
async def test_who_was_understood_before_is_so_with_words_that_hardly_tell_their_language_or_seem_in_an_unknown_one(
    ever_sure: bool, heard: list[str], others: Mapping[str, float]
) -> None:
    samples, said = speech_of([(6000, 50000)] * 3, 15 * RATE)
    speech = HardlyAny(lengths(said))
    speech.ever_sure, speech.others = ever_sure, others
    texts = await Buffers(speech, language=None).texts(samples)
    assert speech.asked > 1
    assert " ".join(texts).split() == heard


async def test_where_nothing_can_be_kept_no_word_waits_for_longer_than_the_next_buffer_hears() -> None:
    samples, said = speech_of(BABBLE)
    speech = LongHearing(lengths(said))
    poor = Buffers(speech, held=budget(2 * 3 * RATE))
    texts = await poor.texts(samples)
    once = {word for text in texts for word in text.split() if word.startswith("w")}
    assert once == {f"w{each.number}" for each in said}


async def test_who_takes_no_words_as_known_is_given_none() -> None:
    samples, said = speech_of(BABBLE)
    speech = LongHearing(lengths(said), prefix=False)
    await Buffers(speech).texts(samples)
    assert not any(call.prefix for call in speech.calls)
    assert max(speech.heard_seconds) <= 3


async def test_what_was_said_in_another_language_is_forgotten() -> None:
    samples, said = speech_of(BABBLE)
    speech = Bilingual(lengths(said))
    buffers = Buffers(speech, language=None)
    await buffers.text(samples[: 3 * RATE], 0)
    await buffers.text(samples[2 * RATE : 5 * RATE], 2 * RATE)
    speech.spoken = "de"
    await buffers.text(samples[4 * RATE : 7 * RATE], 4 * RATE)
    assert [(call.language, bool(call.prefix)) for call in speech.calls] == [("en", False), ("en", True), ("de", False)]


async def test_after_what_was_not_heard_nothing_is_given() -> None:
    samples, said = speech_of(BABBLE)
    speech = LongHearing(lengths(said))
    buffers = Buffers(speech)
    await buffers.text(samples[: 3 * RATE], 0)
    await buffers.text(samples[5 * RATE : 8 * RATE], 5 * RATE)
    assert speech.calls[-1].prefix == ()
    await buffers.text(samples[7 * RATE : 10 * RATE], 7 * RATE)
    assert speech.calls[-1].prefix


async def test_what_is_kept_is_counted_and_where_there_is_no_room_nothing_is() -> None:
    samples, said = speech_of(BABBLE)
    speech = LongHearing(lengths(said))
    buffers = Buffers(speech)
    texts = await buffers.texts(samples)
    assert buffers.kept.size_bytes == 0, "after the end of a stream nothing is kept"
    await buffers.text(samples[: 30 * RATE], 0)
    assert buffers.kept.size_bytes == 2 * CONTEXT_SECONDS * RATE
    speech = LongHearing(lengths(said))
    poor = Buffers(speech, held=budget(2 * 3 * RATE))
    assert len(await poor.texts(samples)) == len(texts)
    assert poor.held.used_bytes == 0
    assert max(speech.heard_seconds) <= 3


async def test_a_word_that_waits_outlives_a_buffer_that_the_models_do_not_answer_for() -> None:
    samples, said = speech_of([(6000, 19200), (6000, 3200)], 6 * RATE)
    speech = LongHearing(lengths(said))
    buffers = Buffers(speech)
    assert await buffers.text(samples[: 3 * RATE], 0) == "", "both may still be heard better"
    speech.failing = 10
    with pytest.raises(UnavailableError):
        await buffers.text(samples[2 * RATE : 5 * RATE], 2 * RATE)
    speech.failing = 0
    assert await buffers.text(samples[4 * RATE : 7 * RATE], 4 * RATE) == "w0 w1"
