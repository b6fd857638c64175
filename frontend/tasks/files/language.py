"""Say which language is spoken: from the speech of a recording, several pieces of it together."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field

from frontend.config import settings
from frontend.machines.activity import Thresholds
from frontend.machines.pieces import Piece, PieceCutter, PieceOptions
from frontend.speech import LANGUAGE_ID, RATE, LanguageProbabilities, Manifest, Samples, SpeechService
from frontend.tasks.heard import Activity, listen_to_recording

_MOSTLY = 0.5  # likelier than all other languages together


@dataclass(frozen=True)
class LanguageOptions:
    """What is speech, how it is cut, and how much of it is enough."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    pieces: PieceOptions = field(default_factory=PieceOptions)
    min_speech_seconds: float = 2.0
    max_speech_seconds: float = 30.0

    @classmethod
    def of(cls, recognition: settings.Recognition) -> "LanguageOptions":
        return cls(
            Thresholds(recognition.speech_in_probability, recognition.speech_out_probability),
            PieceOptions(
                recognition.piece_seconds,
                recognition.longest_piece_seconds,
                recognition.pause_seconds,
                recognition.margin_seconds,
            ),
            recognition.language_min_speech_seconds,
            recognition.language_max_speech_seconds,
        )

    def cutting(self, manifest: Manifest | None, language: str | None = None, task: str = "transcribe") -> PieceOptions:
        """Into pieces for the model with this manifest, or for that engine of it which serves this."""
        engine = manifest.engine(language, task) if manifest else None
        return self.pieces.fitted(*((engine.piece_seconds, engine.max_seconds) if engine else (0.0, 30.0)))


@dataclass(frozen=True)
class SpokenLanguage:
    """What language a recording is in; no probabilities where nobody speaks."""

    probabilities: LanguageProbabilities | None
    speech_seconds: float
    enough: bool  # speech for a result to rely on
    unsure_probability: float = 0.0  # as the model knows of itself: what is no likelier says nothing

    def likeliest(self, known: Sequence[str] = ()) -> tuple[str, float]:
        """Of these (none given: of any), however likely it is; "" where nobody speaks."""
        ranked = self.probabilities.ranked if self.probabilities else ()
        return next((each for each in ranked if not known or each[0] in known), ("", 0.0))

    def among(self, known: Sequence[str]) -> tuple[str, float]:
        """The likeliest of those that a recogniser knows (none given: any); "" where it says nothing, or it is mostly
        another: words of a wrong language are worse than none."""
        found, probability = self.likeliest(known)
        first, most = self.likeliest()
        says_nothing = probability <= self.unsure_probability or (first != found and most > _MOSTLY)
        return ("", 0.0) if says_nothing else (found, probability)


async def detect_spoken_language(samples: Samples, speech: SpeechService, options: LanguageOptions) -> SpokenLanguage:
    """The language of the first speech of a recording."""
    activities = listen_to_recording(samples, speech, options.thresholds)
    return await language_of_beginning(samples, activities, speech, options)


async def language_of_beginning(
    samples: Samples, activities: AsyncIterator[Activity], speech: SpeechService, options: LanguageOptions
) -> SpokenLanguage:
    """As far as it needs to be heard; what comes after that is left to be taken."""
    found: list[Piece] = []
    cutting = options.cutting(speech.manifest(LANGUAGE_ID))
    async with contextlib.aclosing(pieces_of(activities, len(samples), cutting)) as pieces:
        async for piece in pieces:
            found.append(piece)
            if total_seconds(found) >= options.max_speech_seconds:
                break
    return await language_of_pieces(samples, found, speech, options)


async def language_of_pieces(
    samples: Samples, pieces: Sequence[Piece], speech: SpeechService, options: LanguageOptions
) -> SpokenLanguage:
    """Each piece's probabilities weighed by its length: one that misleads the model does not decide alone."""
    seconds = total_seconds(pieces)
    if not pieces:
        return SpokenLanguage(None, 0.0, enough=False)
    manifest = speech.manifest(LANGUAGE_ID)
    longest = int((manifest.max_seconds if manifest else 30.0) * RATE)
    heard = [samples[piece.start_samples : piece.end_samples][:longest] for piece in pieces]
    told = await asyncio.gather(*(speech.detect_language(each) for each in heard))
    weights = [len(each) for each in heard]
    means: dict[str, float] = {}
    for probabilities, weight in zip(told, weights, strict=True):
        for language, probability in probabilities.ranked:
            means[language] = means.get(language, 0.0) + probability * weight / sum(weights)
    enough, unsure = seconds >= options.min_speech_seconds, manifest.unsure_probability if manifest else 0.0
    return SpokenLanguage(LanguageProbabilities.of(means), seconds, enough, unsure)


async def pieces_of(
    activities: AsyncIterator[Activity], total_samples: int, options: PieceOptions
) -> AsyncGenerator[Piece, None]:
    """The pieces of a recording of this length, each as soon as its end is known."""
    cutter = PieceCutter(options)
    async for activity in activities:
        for piece in cutter.feed(activity.decisions, activity.probabilities):
            yield piece
    for piece in cutter.finish(total_samples):
        yield piece


def total_seconds(pieces: Sequence[Piece]) -> float:
    return sum(piece.end_samples - piece.start_samples for piece in pieces) / RATE
