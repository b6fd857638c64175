"""What a client of a live dialect is told beside the words: who speaks when, and what it forces."""

import asyncio
from collections.abc import Sequence

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from frontend.dialogue.events import (
    AllHeard,
    Event,
    FinalHeard,
    PartialHeard,
    SpeechStarted,
    SpeechStopped,
    UtteranceEnded,
)
from frontend.dialogue.services import Services
from frontend.media.stream import AudioFormat
from frontend.speech import RATE, Samples
from frontend.tasks.live.options import Turns, Wishes
from tests.frontend.live_stage import FLUSH, Kept, Source, cut, in_tenths, lengths, wished, words
from tests.frontend.spoken_tones import ToneSpeech, speech_of

PCM = AudioFormat(RATE)
SENTENCE = [(4000, 8000), (5000, 800)]
WORDS = st.tuples(st.integers(2600, 9000), st.one_of(st.integers(1, 2500), st.integers(2500, 20000)))


async def heard(messages: Sequence[bytes], wishes: Wishes, speech: ToneSpeech) -> list[Event]:
    return await wished(Source(messages, at_once=False), Services(speech, exports=Kept()), wishes)


def finals_of(events: Sequence[Event]) -> list[FinalHeard]:
    return [event for event in events if isinstance(event, FinalHeard)]


async def test_a_stream_without_an_id_keeps_nothing_and_says_how_long_it_was() -> None:
    samples, said = speech_of(SENTENCE)
    kept = Kept()
    services = Services(ToneSpeech(lengths(said)), exports=kept)
    events = await wished(Source(in_tenths(samples)), services, Wishes(PCM))
    assert events[-1] == AllHeard(len(samples) / RATE)
    assert (kept.pcm, kept.finals) == (b"", [])


async def test_who_speaks_when_is_told_in_its_order() -> None:
    samples, said = speech_of([*SENTENCE, (4000, 20000)])
    wishes = Wishes(PCM, partials=False, turns=Turns(utterance_end_seconds=0.8))
    events = await heard(in_tenths(samples), wishes, ToneSpeech(lengths(said)))
    kinds = [type(event) for event in events]
    turn = [SpeechStarted, SpeechStopped, FinalHeard, UtteranceEnded]
    assert kinds == [*turn, *turn, AllHeard]
    started, stopped, final, ended = events[:4]
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert isinstance(final, FinalHeard)
    assert started.spoken_seconds == pytest.approx(said[0].start_sample / RATE, abs=0.04)
    assert started.start_seconds == pytest.approx(started.spoken_seconds - 0.3, abs=0.01)
    assert stopped.end_seconds == final.end_seconds
    assert 0.1 < stopped.end_seconds - said[1].end_sample / RATE < 0.3
    assert (final.ends_utterance, final.forced, final.language) == (True, False, "en")
    assert ended == UtteranceEnded(final.words[-1].end_seconds)


@hypothesis.given(
    spoken=st.lists(WORDS, max_size=25),
    sizes=st.lists(st.integers(700, 9000), min_size=1, max_size=5),
    flushes=st.sets(st.integers(0, 60), max_size=4),
)
def test_each_start_has_one_end_whatever_is_forced(
    spoken: list[tuple[int, int]], sizes: list[int], flushes: set[int]
) -> None:
    samples, said = speech_of(spoken)
    messages = cut(samples.tobytes(), sizes)
    for place in sorted(flushes, reverse=True):
        messages.insert(min(place, len(messages)), FLUSH)
    events = asyncio.run(heard(messages, Wishes(PCM, turns=Turns()), ToneSpeech(lengths(said))))
    speaking = stopped = False
    for event in events:
        if isinstance(event, SpeechStarted):
            assert not speaking
            assert not stopped
            speaking = True
        elif isinstance(event, SpeechStopped):
            assert speaking
            speaking, stopped = False, True
        elif isinstance(event, FinalHeard) and event.ends_utterance:
            assert event.forced or stopped
            speaking = stopped = False
    assert not speaking
    assert not stopped
    ends = [event.end_seconds for event in finals_of(events)]
    assert ends == sorted(ends)


async def test_what_is_forced_comes_with_all_that_was_said_before_and_is_marked() -> None:
    samples, said = speech_of([(4000, 8000), (5000, 800)], tail_samples=0)
    messages = [*in_tenths(samples), FLUSH, *in_tenths(np.zeros(RATE, np.int16))]
    events = await heard(messages, Wishes(PCM, turns=Turns()), ToneSpeech(lengths(said)))
    (final,) = finals_of(events)
    assert final.forced
    assert [word.text for word in final.words] == [" w0", " w1"], "the last samples are no whole window"
    assert final.words[-1].end_seconds == pytest.approx(said[1].end_sample / RATE, abs=1e-6)
    assert final.end_seconds == len(samples) / RATE


async def test_what_is_forced_in_silence_is_empty_and_answered_each_time() -> None:
    silence = [bytes(3200)] * 3
    events = await heard([FLUSH, *silence, FLUSH, *silence, FLUSH], Wishes(PCM, partials=False), ToneSpeech())
    assert [event.forced for event in finals_of(events)] == [True] * 3
    assert words(events) == []


@pytest.mark.parametrize("rate", [8000, 24_000, 48_000])
async def test_a_forced_final_has_what_the_resampler_holds_back(rate: int) -> None:
    samples = np.full(rate, 5000, np.int16)
    speech = _Measured()
    events = await heard([*cut(samples.tobytes(), [999]), FLUSH], Wishes(AudioFormat(rate)), speech)
    assert finals_of(events)[0].end_seconds == pytest.approx(1.0, abs=1e-3)
    assert speech.longest == RATE


class _Measured(ToneSpeech):
    longest = 0

    def _words(self, samples: Samples) -> tuple[()]:
        self.longest = max(self.longest, len(samples))
        return ()


async def test_a_final_in_the_middle_of_an_utterance_does_not_end_it() -> None:
    samples, said = speech_of([(4000, 400)] * 40)
    events = await heard(in_tenths(samples), Wishes(PCM, turns=Turns()), ToneSpeech(lengths(said)))
    assert [event.ends_utterance for event in finals_of(events)] == [False] * (len(finals_of(events)) - 1) + [True]
    assert len(finals_of(events)) > 1
    assert len(words(events)) == 40


async def test_without_partials_none_is_told_and_finals_are_the_same() -> None:
    samples, said = speech_of(SENTENCE)
    told = [
        await heard(in_tenths(samples), Wishes(PCM, partials=partials), ToneSpeech(lengths(said)))
        for partials in (True, False)
    ]
    assert any(isinstance(event, PartialHeard) for event in told[0])
    assert not any(isinstance(event, PartialHeard) for event in told[1])
    assert finals_of(told[0]) == finals_of(told[1])


async def test_the_silence_that_ends_an_utterance_is_the_clients_but_not_too_little() -> None:
    samples, said = speech_of([(4000, 8000), (4000, 7000)])
    counts = []
    for silence_seconds in (0.01, 0.2, 0.5):
        wishes = Wishes(PCM, silence_seconds=silence_seconds)
        counts.append(len(finals_of(await heard(in_tenths(samples), wishes, ToneSpeech(lengths(said))))))
    assert counts == [2, 2, 1]
