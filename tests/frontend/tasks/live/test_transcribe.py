"""The live task with a recogniser whose answers are a function of the samples: nothing lost, nothing twice, no matter
how the bytes came, how slow the models are, or how often they fail."""

import asyncio

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from frontend.dialogue.events import Exported
from frontend.dialogue.services import Services
from frontend.errors import ClientError, OverloadedError, UnavailableError
from frontend.machines.timeline import text_of
from frontend.speech import ASR, RATE, VAD, Decoding, ModelRef, Probabilities, Samples, Transcript, VadState, Word
from frontend.telemetry.metrics import Metrics
from tests.frontend.live_stage import EXPORT_ID, Kept, Source, cut, finals, in_tenths, lengths, live, partials, words
from tests.frontend.spoken_tones import ToneSpeech, speech_of

SENTENCE = [(4000, 8000), (5000, 800), (3000, 1600), (6000, 300)]
WORDS = st.tuples(st.integers(2600, 9000), st.one_of(st.integers(1, 2500), st.integers(2500, 20000)))


@hypothesis.given(
    spoken=st.lists(WORDS, max_size=40),
    sizes=st.lists(st.integers(700, 9000), min_size=1, max_size=5),
    tail=st.integers(0, RATE),
    at_once=st.booleans(),
)
def test_every_word_comes_once_however_the_bytes_are_cut(
    spoken: list[tuple[int, int]], sizes: list[int], tail: int, at_once: bool
) -> None:
    samples, said = speech_of(spoken, tail)
    kept = Kept()
    services = Services(ToneSpeech(lengths(said)), exports=kept)
    events = asyncio.run(live(Source(cut(samples.tobytes(), sizes), at_once=at_once), services))
    heard = words(events)
    assert [word.text for word in heard] == [f" w{each.number}" for each in said]
    for word, each in zip(heard, said, strict=True):
        assert word.start_seconds == pytest.approx(each.start_sample / RATE, abs=1e-6)
        assert word.end_seconds == pytest.approx(each.end_sample / RATE, abs=1e-6)
    assert all(finals(events)), "no final is empty"
    assert events[-1] == Exported(EXPORT_ID)
    assert (kept.pcm, kept.state) == (samples.tobytes(), "complete")
    assert kept.finals == [text_of(final) for final in finals(events)]


@hypothesis.given(spoken=st.lists(WORDS, max_size=25), size=st.integers(700, 20000), failing=st.integers(0, 4))
def test_finals_depend_on_the_samples_alone(spoken: list[tuple[int, int]], size: int, failing: int) -> None:
    samples, said = speech_of(spoken)
    undisturbed = ToneSpeech(lengths(said))
    disturbed = ToneSpeech(lengths(said))
    disturbed.failing = failing
    expected = asyncio.run(live(Source([samples.tobytes()]), Services(undisturbed)))
    events = asyncio.run(live(Source(cut(samples.tobytes(), [size]), at_once=False), Services(disturbed)))
    assert finals(events) == finals(expected)


async def test_partials_grow_and_end_in_the_final() -> None:
    samples, said = speech_of(SENTENCE)
    events = await live(Source(in_tenths(samples), at_once=False), Services(ToneSpeech(lengths(said))))
    shown = [text for text in partials(events) if text]
    assert len(shown) >= 2
    assert all(text_of(words(events)).startswith(text) for text in shown)
    assert len(finals(events)) == 1


async def test_a_partial_begins_with_what_two_before_agreed_on_and_a_final_with_nothing() -> None:
    samples, said = speech_of([(4000, 500)] * 12, 2 * RATE)
    speech = ToneSpeech(lengths(said))
    await live(Source(in_tenths(samples), at_once=False), Services(speech))
    assert any(len(call.prefix) >= 3 for call in speech.calls)
    assert not speech.calls[-1].prefix, "the final is heard afresh"


async def test_silence_is_told_by_empty_partials_and_costs_no_model_time() -> None:
    speech, kept = ToneSpeech(), Kept()
    events = await live(Source([bytes(3200)] * 50, at_once=False), Services(speech, exports=kept))
    assert partials(events) == [""] * 9
    assert events[9:] == [Exported(EXPORT_ID)]
    assert not speech.calls
    assert kept.state == "complete"


async def test_no_audio_gives_only_the_id() -> None:
    assert await live(Source([]), Services(ToneSpeech())) == [Exported(EXPORT_ID)]


async def test_speech_without_a_pause_is_told_within_six_seconds_of_the_last_final() -> None:
    samples, said = speech_of([(4000, 400)] * 80)
    events = await live(Source([samples.tobytes()]), Services(ToneSpeech(lengths(said))))
    ends = [final[-1].end_seconds for final in finals(events)]
    assert len(words(events)) == 80
    # A second behind what is told is left to be heard with what follows it.
    assert all(later - earlier <= 7.0 for earlier, later in zip([0, *ends], ends, strict=False))


async def test_a_recording_pushed_at_once_gets_no_partials_of_what_is_long_past() -> None:
    samples, said = speech_of(SENTENCE * 10)
    events = await live(Source(in_tenths(samples)), Services(ToneSpeech(lengths(said))))
    assert len(words(events)) == 40
    assert len(partials(events)) <= 2


async def test_at_most_one_transcription_is_under_way() -> None:
    samples, said = speech_of(SENTENCE * 3)
    speech = ToneSpeech(lengths(said))
    speech.pause_seconds = 0.01
    await live(Source(in_tenths(samples), at_once=False), Services(speech))
    assert speech.most_under_way == 1


async def test_a_vanished_client_leaves_an_incomplete_export_of_everything_it_sent() -> None:
    samples, said = speech_of(SENTENCE, 0)
    kept = Kept()
    events = await live(Source(in_tenths(samples), interrupted=True), Services(ToneSpeech(lengths(said)), exports=kept))
    assert len(words(events)) == 4
    assert (kept.pcm, kept.state) == (samples.tobytes(), "incomplete")


async def test_without_room_for_the_export_the_stream_does_not_begin() -> None:
    with pytest.raises(OverloadedError, match="no room"):
        await live(Source([bytes(3200)]), Services(ToneSpeech(), exports=Kept(0)))


@pytest.mark.parametrize("writes", [1, 12, 20])
async def test_an_export_that_fails_on_the_way_costs_no_text_and_is_told_at_the_end(writes: int) -> None:
    samples, said = speech_of(SENTENCE)
    kept = Kept(writes)
    source = Source(in_tenths(samples), at_once=False)
    events = await live(source, Services(ToneSpeech(lengths(said)), exports=kept))
    assert len(words(events)) == 4
    assert isinstance(events[-1], Exported)
    assert str(events[-1].error) == "no room"
    assert kept.state == "incomplete"
    assert samples.tobytes().startswith(kept.pcm)


async def test_models_that_never_answer_end_the_stream_with_its_export_kept() -> None:
    samples, _ = speech_of(SENTENCE)
    speech, kept = ToneSpeech(), Kept()
    speech.failing = 1 << 30
    with pytest.raises(UnavailableError):
        await live(Source(in_tenths(samples)), Services(speech, exports=kept))
    assert (kept.pcm, kept.state) == (samples.tobytes(), "incomplete")


async def test_another_rate_keeps_the_times() -> None:
    samples, said = speech_of([(4000, 8000), (8000, 1600), (6000, 1600)])
    eight = np.repeat(samples, 2)[::4]
    events = await live(Source([eight.tobytes()]), Services(_Coarse(lengths(said))), rate=8000)
    (final,) = finals(events)
    assert final[0].start_seconds == pytest.approx(said[0].start_sample / RATE, abs=0.02)
    assert final[-1].end_seconds == pytest.approx(said[-1].end_sample / RATE, abs=0.02)


class _Coarse(ToneSpeech):
    """Hears where it is loud: resampling smears the levels."""

    def _words(self, samples: Samples) -> tuple[Word, ...]:
        loud = np.flatnonzero(np.abs(samples) > 1000)
        return (Word(" loud", loud[0] / RATE, (loud[-1] + 1) / RATE, 0.9),) if len(loud) else ()


@pytest.mark.parametrize("asked", ["de", None])
async def test_a_language_is_the_clients_or_is_found_and_kept_where_it_is_not_sure(asked: str | None) -> None:
    samples, said = speech_of([(9000, 8000), *[(9000, 1000)] * 5, (3000, 20000)])
    speech = ToneSpeech(lengths(said), "de")
    await live(Source([samples.tobytes()]), Services(speech), language=asked)
    assert [call.language for call in speech.calls] == [asked, asked]


async def test_lag_is_counted_and_a_lagging_stream_is_named_once() -> None:
    metrics = Metrics()
    samples, said = speech_of(SENTENCE)
    services = Services(ToneSpeech(lengths(said)), metrics=metrics)
    await live(Source(in_tenths(samples), at_once=False), services)
    assert metrics.registry.get_sample_value("gateway_live_lag_seconds_count") == 1
    assert metrics.registry.get_sample_value("gateway_live_lagging") == 0


@pytest.mark.parametrize("failures", [1, 3])
async def test_audio_that_could_not_be_listened_to_is_listened_to_again(failures: int) -> None:
    samples, said = speech_of(SENTENCE)
    speech = _HardOfHearing(lengths(said))
    speech.deaf = failures
    events = await live(Source(in_tenths(samples)), Services(speech))
    assert [word.text for word in words(events)] == [f" w{each.number}" for each in said]


async def test_a_model_that_never_listens_ends_the_stream() -> None:
    speech = _HardOfHearing()
    speech.deaf = 1 << 30
    with pytest.raises(UnavailableError, match="too long"):
        await live(Source([bytes(32000)]), Services(speech))


async def test_a_partial_that_the_model_refuses_is_left_out() -> None:
    samples, said = speech_of(SENTENCE)
    speech = _Choosy(lengths(said))
    speech.refusals = 1
    events = await live(Source(in_tenths(samples), at_once=False), Services(speech))
    assert not speech.refusals
    assert [word.text for word in words(events)] == [f" w{each.number}" for each in said]


async def test_what_the_model_refuses_after_a_prefix_it_hears_without_one() -> None:
    samples, said = speech_of([(4000, 400)] * 60)
    speech = _Choosy(lengths(said))
    speech.takes_prefixes = False
    events = await live(Source([samples.tobytes()]), Services(speech))
    assert any(call.prefix for call in speech.calls)
    assert [word.text for word in words(events)] == [f" w{each.number}" for each in said]


class _Choosy(ToneSpeech):
    refusals = 0
    takes_prefixes = True

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        transcript = await super().transcribe(samples, decoding, model)
        if self.refusals or (decoding.prefix and not self.takes_prefixes):
            self.refusals = max(0, self.refusals - 1)
            raise ClientError("the model has no room for that")
        return transcript


class _HardOfHearing(ToneSpeech):
    deaf = 0

    async def speech_probabilities(
        self, samples: Samples, state: VadState, model: ModelRef = VAD
    ) -> tuple[Probabilities, VadState]:
        if self.deaf:
            self.deaf -= 1
            raise UnavailableError("the models do not answer")
        return await super().speech_probabilities(samples, state, model)
