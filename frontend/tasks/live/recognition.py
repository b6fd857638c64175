"""The two kinds of transcription that a live stream needs: finals, that depend on its audio alone, and partials."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from frontend.errors import ClientError, ServiceError
from frontend.machines.language import StreamLanguage, StreamLanguageOptions
from frontend.machines.segmenter import Segmenter, Stretch
from frontend.machines.stabiliser import Stabiliser
from frontend.machines.timeline import Timeline, boundary, shifted, without_carried
from frontend.speech import RATE, Decoding, Samples, SpeechService, Transcript, Word
from frontend.telemetry.logs import Log

# The service has tried for its own time before it gives up; a live stream has more patience.
_FINAL_ATTEMPTS = 5
# Words that a cut leaves to be heard once more, so that the model comes to the next ones in their context.
_CARRIED_WORDS = 2
_LEAD_IN_SECONDS = 0.1
# A cut keeps this far from the end of the audio, where the model has not heard all of a word.
_UNSETTLED_SECONDS = 0.6
_WORDLESS_SECONDS = 1.0


@dataclass(frozen=True)
class RecognitionOptions:
    language: StreamLanguageOptions = field(default_factory=StreamLanguageOptions)
    # Words that a recogniser is so sure of are shown before it has said them twice.
    sure_confidence: float = 0.9


@dataclass(frozen=True)
class _Rehearsal:
    """A transcription of what will be a final if the silence goes on."""

    stretch: Stretch
    transcript: Transcript


class Recogniser:
    """Of one stream. At most one call is under way: the caller waits for a partial before it asks for a final."""

    def __init__(self, speech: SpeechService, options: RecognitionOptions, log: Log) -> None:
        self._speech = speech
        self._log = log
        self._language = StreamLanguage(options.language)
        self._sure_confidence = options.sure_confidence
        self._timeline = Timeline()
        self._stabiliser = Stabiliser(options.sure_confidence)
        self._carried: tuple[Word, ...] = ()
        self._rehearsal: _Rehearsal | None = None
        self._final_language = ""
        # Told how long each call took, and whether no other was under way.
        self.observe: Callable[[float, bool], None] = lambda _seconds, _alone: None

    async def partial(self, samples: Samples, start_sample: int) -> tuple[Word, ...]:
        """What to show of an utterance that goes on."""
        prefix = tuple(word.text for word in (*self._carried, *self._stabiliser.agreed))
        transcript = await self._ask(samples, Decoding(self._language.current, prefix=prefix))
        return self._show(transcript, start_sample, len(samples))

    async def rehearse(self, samples: Samples, stretch: Stretch) -> tuple[Word, ...]:
        """The same of one that may have ended; its final will then be known."""
        transcript = await self._heard(samples, stretch.seconds)
        self._rehearsal = _Rehearsal(stretch, transcript)
        return self._show(transcript, stretch.start_sample, len(samples))

    def has_rehearsed(self, stretch: Stretch) -> bool:
        return self._rehearsal is not None and self._rehearsal.stretch == stretch

    @property
    def language(self) -> str:
        """What the last final was heard in; empty before there is one."""
        return self._final_language

    async def final(self, stretch: Stretch, samples: Samples, segmenter: Segmenter) -> tuple[Word, ...]:
        """The new words of a stretch; the segmenter learns where it was cut if it was not whole."""
        if self._rehearsal is not None and self._rehearsal.stretch == stretch:
            transcript = self._rehearsal.transcript
        else:
            transcript = await self._insist(samples, stretch.seconds)
        self._rehearsal, self._stabiliser = None, Stabiliser(self._sure_confidence)
        self._language.settle(transcript, stretch.seconds)
        self._final_language = transcript.language
        words = self._new_words(transcript, stretch.start_sample)
        if stretch.whole:
            self._carried = ()
        else:
            words = self._cut(words, stretch, segmenter)
        return self._timeline.place(words)

    def _cut(self, words: tuple[Word, ...], stretch: Stretch, segmenter: Segmenter) -> tuple[Word, ...]:
        end_seconds = stretch.end_sample / RATE
        if not words:
            self._carried = ()
            segmenter.cut(max(stretch.start_sample, stretch.end_sample - round(_WORDLESS_SECONDS * RATE)))
            return ()
        count = boundary(words, end_seconds - _UNSETTLED_SECONDS, stretch.start_sample / RATE + stretch.seconds / 2)
        if count == 0:
            segmenter.postpone()
            return ()
        told = words[:count]
        self._carried = told[-_CARRIED_WORDS:]
        start_seconds = self._carried[0].start_seconds - _LEAD_IN_SECONDS
        segmenter.cut(max(stretch.start_sample, round(start_seconds * RATE)))
        return told

    def _new_words(self, transcript: Transcript, start_sample: int) -> tuple[Word, ...]:
        words = shifted(transcript.words, start_sample / RATE)
        return without_carried(words, self._carried) if self._carried else words

    def _show(self, transcript: Transcript, start_sample: int, length_samples: int) -> tuple[Word, ...]:
        words = self._new_words(transcript, start_sample)
        return self._stabiliser.feed(words, (start_sample + length_samples) / RATE)

    async def _insist(self, samples: Samples, seconds: float) -> Transcript:
        for attempt in range(1, _FINAL_ATTEMPTS + 1):
            try:
                return await self._heard(samples, seconds)
            except ServiceError as e:
                self._log.warning("no final yet", reason=str(e), attempt=attempt)
                failure = e
        raise failure

    async def _heard(self, samples: Samples, seconds: float) -> Transcript:
        """In the language that is found, or in the stream's where that is not sure."""
        prefix = tuple(word.text for word in self._carried)
        transcript = await self._ask(samples, Decoding(self._language.fixed, prefix=prefix))
        if not self._language.believes(transcript, seconds):
            transcript = await self._ask(samples, Decoding(self._language.current, prefix=prefix))
        return transcript

    async def _ask(self, samples: Samples, decoding: Decoding) -> Transcript:
        began, beside = time.monotonic(), self._speech.transcribing
        try:
            return await self._speech.transcribe(samples, decoding)
        except ClientError:
            if not decoding.prefix:
                raise
            # More than the model has room for, or not in the words of a version that serves since.
            return await self._speech.transcribe(samples, dataclasses.replace(decoding, prefix=()))
        finally:
            self.observe(time.monotonic() - began, beside + self._speech.transcribing == 0)
