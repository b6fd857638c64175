"""The two kinds of transcription that a live stream needs: finals, that depend on its audio alone, and partials."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from frontend.errors import ClientError, ServiceError
from frontend.machines.context import Context, as_known
from frontend.machines.language import StreamLanguage, StreamLanguageOptions, is_nobodys
from frontend.machines.recent import RecentAudio
from frontend.machines.segmenter import Segmenter, Stretch
from frontend.machines.stabiliser import Stabiliser
from frontend.machines.timeline import Timeline, boundary, shifted, without_carried
from frontend.speech import ASR, RATE, Decoding, Samples, SpeechService, Transcript, Word
from frontend.telemetry.logs import Log

# The service has tried for its own time before it gives up; a live stream has more patience.
_FINAL_ATTEMPTS = 5
# Words that a cut leaves to be heard once more, so that the model comes to the next ones in their context.
_CARRIED_WORDS = 2
_LEAD_IN_SECONDS = 0.1
# A cut keeps this far from the end of the audio, where the model has not heard all of a word, nor what follows it.
_UNSETTLED_SECONDS = 1.0
_WORDLESS_SECONDS = 1.0
# Who hears long pieces best needs more of the quiet before it as well: of 100 words of people this spares two mistakes.
_QUIET_SECONDS = 1.0
# Of all languages together no other can be likelier than one that is so likely.
_LIKELIEST_PROBABILITY = 0.5
_NONE: Samples = np.zeros(0, np.int16)


@dataclass(frozen=True)
class RecognitionOptions:
    language: StreamLanguageOptions = field(default_factory=StreamLanguageOptions)
    # Words that a recogniser is so sure of are shown before it has said them twice.
    sure_confidence: float = 0.8
    # So much of what was told is heard again by a recogniser that hears long pieces best, for a final, for a partial;
    # with a stretch of the longest it is no more than that recogniser wants.
    context_seconds: float = 8.0
    partial_context_seconds: float = 4.0
    longest_seconds: float = 6.0


@dataclass(frozen=True)
class _Given:
    """Words that a transcription begins with, told before, and where the audio begins that they are in."""

    words: tuple[Word, ...]
    start_sample: int

    def prefix(self, agreed: Sequence[Word] = ()) -> tuple[str, ...]:
        return as_known((*self.words, *agreed))


@dataclass(frozen=True)
class _Rehearsal:
    """A transcription of what will be a final if the silence goes on."""

    stretch: Stretch
    given: _Given
    transcript: Transcript


class Recogniser:
    """Of one stream. At most one call is under way: the caller waits for a partial before it asks for a final."""

    def __init__(self, speech: SpeechService, audio: RecentAudio, options: RecognitionOptions, log: Log) -> None:
        self._speech = speech
        self._audio = audio
        self._options = options
        self._log = log
        self._context = Context(options.context_seconds)
        self._language = StreamLanguage(options.language)
        self._sure_confidence = options.sure_confidence
        self._timeline = Timeline()
        self._stabiliser = Stabiliser(options.sure_confidence)
        self._carried: tuple[Word, ...] = ()
        self._rehearsal: _Rehearsal | None = None
        self._final_language = ""
        self._settled_sample = 0
        # Told how long each call took, and whether no other was under way.
        self.observe: Callable[[float, bool], None] = lambda _seconds, _alone: None

    async def partial(self, start_sample: int, end_sample: int) -> tuple[Word, ...]:
        """What to show of an utterance that goes on."""
        given = self._given(start_sample, end_sample, self._options.partial_context_seconds)
        prefix = given.prefix(self._stabiliser.agreed)
        samples = self._audio.between(given.start_sample, end_sample)
        transcript = await self._ask(samples, Decoding(self._language.current, prefix=prefix))
        return self._show(transcript, given, end_sample)

    async def rehearse(self, stretch: Stretch) -> tuple[Word, ...]:
        """The same of one that may have ended; its final will then be known."""
        given = self._given(stretch.start_sample, stretch.end_sample, self._options.context_seconds)
        samples = self._audio.between(given.start_sample, stretch.end_sample)
        transcript = await self._heard(samples, given, stretch.seconds)
        self._rehearsal = _Rehearsal(stretch, given, transcript)
        return self._show(transcript, given, stretch.end_sample)

    def has_rehearsed(self, stretch: Stretch) -> bool:
        return self._rehearsal is not None and self._rehearsal.stretch == stretch

    @property
    def language(self) -> str:
        """What the last final was heard in; empty before there is one."""
        return self._final_language

    def needed_from_sample(self, sample: int) -> int:
        """Audio before this is not asked for again, where stretches may begin here: of a silence its end is enough."""
        quiet = self._context.is_out_of_reach(sample, _QUIET_SECONDS)
        return sample - round((_QUIET_SECONDS + (0.0 if quiet else self._options.context_seconds)) * RATE)

    async def final(self, stretch: Stretch, segmenter: Segmenter, rest: Samples = _NONE) -> tuple[Word, ...]:
        """The new words of a stretch, whose last samples may be a rest that is no window; the segmenter learns where it
        was cut if it was not whole."""
        given = self._given(stretch.start_sample, stretch.end_sample, self._options.context_seconds)
        if self._rehearsal is not None and self._rehearsal.stretch == stretch:
            given, transcript = self._rehearsal.given, self._rehearsal.transcript
        else:
            samples = np.concatenate([self._audio.between(given.start_sample, stretch.end_sample), rest])
            samples = samples[: stretch.end_sample - given.start_sample]
            transcript = await self._insist(samples, given, stretch.seconds)
        self._rehearsal, self._stabiliser = None, Stabiliser(self._sure_confidence)
        self._language.settle(transcript, stretch.seconds)
        self._final_language = transcript.language
        words = self._new_words(transcript, given)
        if stretch.whole:
            self._carried = ()
        else:
            words = self._cut(words, stretch, segmenter)
        told = self._timeline.place(words)
        self._context.tell(told)
        self._settled_sample = stretch.end_sample
        return told

    def _given(self, start_sample: int, end_sample: int, seconds: float) -> _Given:
        """As much of what was told as the recogniser of the stream's language wants before this."""
        manifest = self._speech.manifest(ASR)
        engine = manifest.engine(self._language.current) if manifest else None
        longest_seconds = max(self._options.longest_seconds, (end_sample - start_sample) / RATE)
        wanted = engine.piece_seconds - longest_seconds if engine and engine.prefix else 0.0
        before = self._context.before(start_sample, min(seconds, wanted))
        if before:
            start_sample = self._context.start_sample(before)
        elif wanted > 0 and not self._carried:
            start_sample = max(self._settled_sample, start_sample - round(_QUIET_SECONDS * RATE))
        return _Given((*before, *self._carried), start_sample)

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

    def _new_words(self, transcript: Transcript, given: _Given) -> tuple[Word, ...]:
        words = shifted(transcript.words, given.start_sample / RATE)
        return without_carried(words, given.words) if given.words else words

    def _show(self, transcript: Transcript, given: _Given, end_sample: int) -> tuple[Word, ...]:
        return self._stabiliser.feed(self._new_words(transcript, given), end_sample / RATE)

    async def _insist(self, samples: Samples, given: _Given, seconds: float) -> Transcript:
        for attempt in range(1, _FINAL_ATTEMPTS + 1):
            try:
                return await self._heard(samples, given, seconds)
            except ServiceError as e:
                self._log.warning("no final yet", reason=str(e), attempt=attempt)
                failure = e
        raise failure

    async def _heard(self, samples: Samples, given: _Given, seconds: float) -> Transcript:
        """In the language that is found, or in the stream's where that is not sure."""
        transcript = await self._heard_as_before(samples, given)
        if transcript is not None:
            return transcript
        transcript = await self._ask(samples, Decoding(self._language.fixed, prefix=given.prefix()))
        if not self._language.believes(transcript, seconds):
            transcript = await self._ask(samples, Decoding(self._language.current, prefix=given.prefix()))
        return transcript

    async def _heard_as_before(self, samples: Samples, given: _Given) -> Transcript | None:
        """In the stream's language, where who hears it says that no other is likelier, or that nobody speaks: to find
        the language first costs nearly as much as the words. None where it has to be found."""
        language, manifest = self._language.current, self._speech.manifest(ASR)
        if self._language.fixed or language is None or manifest is None:
            return None
        if not manifest.engine(language).hears_language:
            return None
        transcript = await self._ask(samples, Decoding(language, prefix=given.prefix()))
        likeliest = transcript.language_probability > _LIKELIEST_PROBABILITY
        return transcript if likeliest or is_nobodys(transcript) else None

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
