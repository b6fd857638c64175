"""Transcribe a stream while it is spoken: partials as the load allows, finals always, the export at the end.

Finals depend on the samples alone: neither on how they came, nor on partials, nor on how often a model had to be asked.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar

from frontend.caller import Caller
from frontend.dialogue.commands import AudioSource, Event, Exported, FinalHeard, PartialHeard, Task
from frontend.dialogue.services import Services
from frontend.errors import GatewayError, UnavailableError
from frontend.machines.pacing import Pacing, PacingOptions
from frontend.machines.recent import RecentAudio
from frontend.machines.segmenter import Segmenter, SegmenterOptions, Stretch
from frontend.machines.timeline import text_of
from frontend.speech import RATE, WINDOW_SAMPLES, Word
from frontend.tasks.listening import Heard, Listener, Listening
from frontend.tasks.live.intake import Intake
from frontend.tasks.live.lag import Lag
from frontend.tasks.live.recognition import Recogniser, RecognitionOptions
from frontend.tasks.live.recorder import Keeping
from frontend.telemetry.logs import Log

_LISTENING_ATTEMPTS = 5


@dataclass(frozen=True)
class LiveOptions:
    listening: Listening
    caller: Caller
    export_id: str
    segmenter: SegmenterOptions = field(default_factory=SegmenterOptions)
    pacing: PacingOptions = field(default_factory=PacingOptions)
    recognition: RecognitionOptions = field(default_factory=RecognitionOptions)


@dataclass(frozen=True)
class TranscribeLive(Task):
    options: LiveOptions
    outlives_client: ClassVar[bool] = True

    async def run(self, audio: AudioSource, services: Services) -> AsyncIterator[Event]:
        options = self.options
        rate = options.listening.audio.rate
        keeping = await Keeping.begin(services, options.export_id, options.caller, rate)
        stream = _Stream(options, audio, services, keeping)
        finished = False
        try:
            async for event in stream.events():
                yield event
            finished = True
        finally:
            await stream.close()
            await keeping.finish(complete=finished and not audio.interrupted)
        yield Exported(options.export_id, keeping.error)


class _Stream:
    def __init__(self, options: LiveOptions, audio: AudioSource, services: Services, keeping: Keeping) -> None:
        self._log = Log("live", options.caller.connection_id)
        self._options = options
        self._keeping = keeping
        self._intake = Intake(audio, options.listening.audio, keeping)
        self._heard = Listener(options.listening, services.speech).hear(self._intake)
        self._turn: asyncio.Task[Heard | None] | None = None
        self._partial: asyncio.Task[tuple[Word, ...]] | None = None
        self._recent = RecentAudio()
        self._segmenter = Segmenter(options.segmenter)
        self._pacing = Pacing(options.pacing)
        self._recogniser = Recogniser(services.speech, options.recognition, self._log)
        self._recogniser.observe = self._pacing.observe
        self._lag = Lag(services.metrics, self._log)
        self._shown_sample = 0  # how far the last partial heard
        self._failures = self._failed_take = 0

    async def events(self) -> AsyncIterator[Event]:
        while (happening := await self._next()) is not None:
            if isinstance(happening, PartialHeard):
                yield happening
                continue
            async for event in self._work_on(happening):
                yield event
            if self._is_quiet_for_long():
                yield PartialHeard(())
            self._begin_partial()
        await self._end_partial()
        if stretch := self._segmenter.finish(self._intake.total_samples):
            async for event in self._settle(stretch):
                yield event

    async def close(self) -> None:
        """Leave nothing behind, whatever ended the stream."""
        for task in (self._turn, self._partial):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._intake.close()
        self._lag.end()

    async def _next(self) -> Heard | PartialHeard | None:
        """Audio that was listened to, or a partial that is ready; None when the audio is over."""
        while True:
            self._turn = self._turn or asyncio.create_task(anext(self._heard, None))
            await asyncio.wait({self._turn, self._partial or self._turn}, return_when=asyncio.FIRST_COMPLETED)
            if self._partial is not None and self._partial.done():
                if (words := await self._end_partial()) is not None:
                    return PartialHeard(words)
            elif self._turn.done():
                turn, self._turn = self._turn, None
                return turn.result()

    async def _work_on(self, heard: Heard) -> AsyncIterator[Event]:
        self._retry_listening(heard)
        activity = heard.activity
        for number, (speaking, probability) in enumerate(zip(activity.decisions, activity.probabilities, strict=True)):
            self._recent.append(activity.windows[number * WINDOW_SAMPLES : (number + 1) * WINDOW_SAMPLES])
            if stretch := self._segmenter.feed(speaking, probability):
                await self._end_partial()
                async for event in self._settle(stretch):
                    yield event
        self._recent.forget(self._segmenter.needed_from_sample)

    async def _settle(self, stretch: Stretch) -> AsyncIterator[Event]:
        words = await self._recogniser.final(stretch, self._recent, self._segmenter)
        self._shown_sample = self._segmenter.heard_samples
        self._lag.observe((self._intake.due_samples - self._segmenter.heard_samples) / RATE)
        if words:
            await self._keeping.final(words, text_of(words))
            yield FinalHeard(words)

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
        return (self._intake.total_samples - self._segmenter.heard_samples) / RATE

    def _begin_partial(self) -> None:
        """Transcribe what is open if it is time; a pause that may be the end is always worth it."""
        start, heard = self._segmenter.start_sample, self._segmenter.heard_samples
        if start is None or self._partial is not None:
            return
        first = self._shown_sample < start
        new_seconds = (heard - max(start, self._shown_sample)) / RATE
        due = self._pacing.is_due(new_seconds, first=first, waiting_seconds=self._waiting_seconds)
        likely = self._segmenter.likely
        if likely is not None and not self._pacing.stopped:
            if not self._recogniser.has_rehearsed(likely):
                samples = self._recent.between(likely.start_sample, likely.end_sample)
                self._begin(self._recogniser.rehearse(samples, likely))
        elif due:
            self._begin(self._recogniser.partial(self._recent.between(start, heard), start))

    def _begin(self, call: Coroutine[Any, Any, tuple[Word, ...]]) -> None:
        self._shown_sample = self._segmenter.heard_samples
        self._partial = asyncio.create_task(call)

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
        """Each message that the models were asked about together has the error."""
        if heard.error is None:
            self._failures = 0
        elif self._failed_take != self._intake.takes:
            self._failed_take = self._intake.takes
            self._failures += 1
            self._log.warning("not listened to yet", reason=str(heard.error), attempt=self._failures)
            if self._failures >= _LISTENING_ATTEMPTS:
                raise UnavailableError("the models have not answered for too long") from heard.error
            self._intake.again()
