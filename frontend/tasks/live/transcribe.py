"""Transcribe a stream while it is spoken: partials as the load allows, finals always, the export at the end.

Finals depend on the samples alone: neither on how they came, nor on partials, nor on how often a model had to be asked.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import numpy as np

from frontend.dialogue.events import AllHeard, Exported, FinalHeard, PartialHeard
from frontend.dialogue.tasks import Stream, Task
from frontend.errors import GatewayError, UnavailableError
from frontend.machines.pacing import Pacing, Stage
from frontend.machines.recent import RecentAudio
from frontend.machines.segmenter import Segmenter, Stretch
from frontend.machines.timeline import text_of
from frontend.speech import RATE, Samples, Word
from frontend.tasks.heard import Heard
from frontend.tasks.hearing import Hearing
from frontend.tasks.live.arrival import Arrival
from frontend.tasks.live.lag import Lag
from frontend.tasks.live.options import LiveOptions
from frontend.tasks.live.recognition import Recogniser
from frontend.tasks.live.recorder import Recorder
from frontend.tasks.live.turns import TurnTeller
from frontend.telemetry.logs import Log

_LISTENING_ATTEMPTS = 5
# Sound in which no words were found for so long may be music, and is asked about no more often than what has words.
_SOUGHT_SAMPLES = 3 * RATE
_NO_REST: Samples = np.zeros(0, np.int16)


@dataclass(frozen=True)
class TranscribeLive(Task):
    """A client that vanishes is transcribed to the end of what it said, for the export, where there is one."""

    options: LiveOptions

    @property
    def outlives_client(self) -> bool:
        return self.options.export_id is not None

    def begin(self, stream: Stream) -> Coroutine[Any, Any, None]:
        return self._transcribe(stream, Arrival())

    async def _transcribe(self, stream: Stream, arrival: Arrival) -> None:
        options = self.options
        recorder = await Recorder.begin(stream, options.export_id, options.caller, options.listening.audio.rate)
        transcription = _Transcription(options, stream, arrival, recorder)
        finished = False
        try:
            await transcription.run()
            finished = True
        finally:
            await transcription.close()
            await recorder.finish(complete=finished and not stream.audio.interrupted)
        if options.export_id is None:
            stream.tell(AllHeard(transcription.audio_seconds))
        else:
            stream.tell(Exported(options.export_id, recorder.error))


class _Transcription:
    """One stream under way: it works on what was heard, turn by turn, and has at most one partial under way."""

    def __init__(self, options: LiveOptions, stream: Stream, arrival: Arrival, recorder: Recorder) -> None:
        self._log = Log("live", options.caller.connection_id)
        self._options = options
        self._stream = stream
        self._arrival = arrival
        self._recorder = recorder
        # Something was heard, or the partial is there.
        self._happened = asyncio.Event()
        self._hearing = Hearing(options.listening, stream, self._happened)
        arrival.intake = self._hearing.intake
        self._partial: asyncio.Task[tuple[Word, ...]] | None = None
        self._recent, self._held = RecentAudio(), stream.audio.lease()
        self._segmenter = Segmenter(options.segmenter)
        self._turns = TurnTeller(options.turns, self._segmenter, stream.tell)
        self._pacing = Pacing(options.pacing)
        self._recogniser = Recogniser(stream.services.speech, self._recent, options.recognition, self._log)
        self._recogniser.observe = self._pacing.observe
        self._lag = Lag(stream.services.metrics, stream.protocol, self._log)
        self._shown_sample = 0  # how far the last partial heard
        self._told_sample = 0  # how far the last heard that said something, or the last final
        self._sought_from_sample = 0  # from where on there was sound and no words
        self._worded_sample = -1  # where the newest utterance begins of which there are words
        self._failures = 0

    @property
    def audio_seconds(self) -> float:
        return self._hearing.intake.decoded_samples / RATE

    async def run(self) -> None:
        """Until everything was heard."""
        self._hearing.begin_by_turns()
        while True:
            if self._partial is not None and self._partial.done():
                await self._show_partial()
            elif (heard := self._hearing.take()) is not None:
                await self._work_on(heard)
                if self._is_quiet_for_long():
                    self._tell_partial(())
                self._begin_partial()
            elif self._hearing.over:
                break
            else:
                self._happened.clear()
                await self._happened.wait()
        await self._end_partial()
        if stretch := self._segmenter.finish(self._hearing.intake.decoded_samples):
            await self._settle(stretch)
        self._turns.watch()

    async def close(self) -> None:
        """Leave nothing behind, whatever ended the stream."""
        if self._partial is not None:
            self._partial.cancel()
            await asyncio.gather(self._partial, return_exceptions=True)
        self._held.close()
        self._lag.end()

    async def _work_on(self, heard: Heard) -> None:
        self._retry_listening(heard)
        activity = heard.activity
        self._held.grow(len(activity.pcm))
        self._recent.append(activity.windows)
        for speaking, probability in zip(activity.decisions, activity.probabilities, strict=True):
            if stretch := self._segmenter.feed(speaking, probability):
                await self._end_partial()
                await self._settle(stretch)
            self._turns.watch()
        if heard.rest is not None:
            await self._flush(np.frombuffer(heard.rest, np.int16))
        needed_from = self._recogniser.needed_from_sample(self._segmenter.needed_from_sample)
        self._held.shrink(2 * self._recent.forget(needed_from))

    async def _flush(self, rest: Samples) -> None:
        """Say what is known, the last samples included that are no window yet."""
        await self._end_partial()
        if stretch := self._segmenter.flush(len(rest)):
            await self._settle(stretch, rest, forced=True)
        else:
            self._turns.tell(FinalHeard((), (self._segmenter.heard_samples + len(rest)) / RATE, forced=True))

    async def _settle(self, stretch: Stretch, rest: Samples = _NO_REST, forced: bool = False) -> None:
        if not forced:
            self._turns.settle(stretch)
        words = await self._recogniser.final(stretch, self._segmenter, rest)
        self._shown_sample = self._told_sample = self._segmenter.heard_samples
        self._lag.observe((self._arrival.due_samples - self._segmenter.heard_samples) / RATE)
        if words:
            self._sought_from_sample = self._segmenter.heard_samples
            self._note_first_words()
            await self._recorder.final(words, text_of(words))
        end_seconds = words[-1].end_seconds if words and not stretch.whole else stretch.end_sample / RATE
        self._turns.tell(FinalHeard(words, end_seconds, stretch.ends, forced, self._recogniser.language))

    def _is_quiet_for_long(self) -> bool:
        """Whether it is time for a partial although there is nothing to transcribe."""
        quiet = self._segmenter.start_sample is None and self._waiting_seconds < self._options.pacing.partial_seconds
        due = self._segmenter.heard_samples - self._shown_sample >= self._options.pacing.partial_seconds * RATE
        if quiet and due:
            self._shown_sample = self._segmenter.heard_samples
        return quiet and due

    @property
    def _waiting_seconds(self) -> float:
        """Audio that has come and was not listened to yet."""
        return (self._arrival.total_samples - self._segmenter.heard_samples) / RATE

    def _begin_partial(self) -> None:
        """Transcribe what is open if it is time; a pause that may be the end is always worth it."""
        start, heard = self._segmenter.start_sample, self._segmenter.heard_samples
        if start is None:
            self._sought_from_sample = heard
        if start is None or self._partial is not None:
            return
        spoken = max(start, self._segmenter.spoken_from_sample)
        new_seconds = (heard - max(spoken, self._shown_sample)) / RATE
        due = self._pacing.is_due(
            new_seconds,
            stage=self._stage(spoken),
            waiting_seconds=self._waiting_seconds,
            final_seconds=self._segmenter.due_seconds,
        )
        likely = self._segmenter.likely
        if likely is not None and not self._pacing.stopped:
            if not self._recogniser.has_rehearsed(likely):
                self._begin(self._recogniser.rehearse(likely))
        elif due and self._options.partials and not self._segmenter.pausing:  # which would hold up a rehearsal
            self._begin(self._recogniser.partial(start, heard))

    def _stage(self, spoken_sample: int) -> Stage:
        if self._shown_sample <= spoken_sample:
            return "begun"
        sought = self._segmenter.heard_samples - self._sought_from_sample < _SOUGHT_SAMPLES
        return "opening" if self._told_sample <= spoken_sample and sought else "open"

    def _begin(self, call: Coroutine[Any, Any, tuple[Word, ...]]) -> None:
        self._shown_sample = self._segmenter.heard_samples
        self._partial = asyncio.create_task(call)
        self._partial.add_done_callback(lambda _: self._happened.set())

    async def _show_partial(self) -> None:
        if (words := await self._end_partial()) is not None:
            self._tell_partial(words)

    def _tell_partial(self, words: tuple[Word, ...]) -> None:
        if words:
            self._told_sample = self._sought_from_sample = self._shown_sample
        if self._options.partials:
            if words:
                self._note_first_words()
            self._stream.tell(PartialHeard(words, self._shown_sample / RATE))

    def _note_first_words(self) -> None:
        spoken_sample = self._segmenter.spoken_from_sample
        if spoken_sample != self._worded_sample:
            self._worded_sample = spoken_sample
            self._lag.first_text((self._arrival.due_samples - spoken_sample) / RATE)

    async def _end_partial(self) -> tuple[Word, ...] | None:
        """Its words once it is there; None when there is none, or it failed."""
        if self._partial is None:
            return None
        partial, self._partial = self._partial, None
        try:
            return await partial
        except GatewayError as e:
            self._log.warning("no partial", reason=str(e))
            return None

    def _retry_listening(self, heard: Heard) -> None:
        """What was not heard is asked about again, a few times."""
        if heard.error is None:
            self._failures = 0
            return
        self._failures += 1
        self._log.warning("not listened to yet", reason=str(heard.error), attempt=self._failures)
        if self._failures >= _LISTENING_ATTEMPTS:
            raise UnavailableError("the models have not answered for too long") from heard.error
