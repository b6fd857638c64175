"""How one stream is transcribed: what its client asked for, and else what the settings say."""

from dataclasses import dataclass, field

from frontend.caller import Caller
from frontend.config import settings
from frontend.machines.activity import Thresholds
from frontend.machines.language import StreamLanguageOptions
from frontend.machines.pacing import PacingOptions
from frontend.machines.segmenter import SegmenterOptions
from frontend.media.stream import AudioFormat
from frontend.tasks.listening import Listening
from frontend.tasks.live.recognition import RecognitionOptions

# Below the first speech begins, and above this part of it it goes on.
_SPEECH_OUT_SHARE = 0.7


@dataclass(frozen=True)
class Turns:
    """Of a client that follows who speaks: it is told when speech begins and ends, and each utterance has a last final.

    So long after the last word, where that is given, it is told that the utterance is over.
    """

    utterance_end_seconds: float | None = None


@dataclass(frozen=True)
class Wishes:
    """What a client asked of its stream; where it did not ask, the settings hold. Without an id nothing is kept."""

    audio: AudioFormat
    export_id: str | None = None
    # Empty: to be detected, whatever the settings say.
    language: str | None = None
    silence_seconds: float | None = None
    longest_seconds: float | None = None
    lead_in_seconds: float | None = None
    speech_probability: float | None = None
    partials: bool = True
    turns: Turns | None = None


@dataclass(frozen=True)
class LiveOptions:
    listening: Listening
    caller: Caller
    export_id: str | None
    segmenter: SegmenterOptions = field(default_factory=SegmenterOptions)
    pacing: PacingOptions = field(default_factory=PacingOptions)
    recognition: RecognitionOptions = field(default_factory=RecognitionOptions)
    partials: bool = True
    turns: Turns | None = None

    @classmethod
    def of(cls, options: settings.Settings, caller: Caller, wishes: Wishes) -> "LiveOptions":
        live = options.live
        fixed = live.language if wishes.language is None else wishes.language
        language = StreamLanguageOptions(fixed or None, live.language_probability, live.language_seconds)
        segmenter = SegmenterOptions(
            max(live.least_silence_seconds, _first(wishes.silence_seconds, live.silence_seconds)),
            _first(wishes.longest_seconds, live.longest_seconds),
            _first(wishes.lead_in_seconds, live.lead_in_seconds),
        )
        return cls(
            Listening(wishes.audio, _thresholds(options.recognition, wishes.speech_probability)),
            caller,
            wishes.export_id,
            segmenter,
            PacingOptions(live.first_partial_seconds, live.opening_seconds, live.partial_seconds),
            RecognitionOptions(
                language,
                live.partial_confidence,
                live.context_seconds,
                live.partial_context_seconds,
                segmenter.longest_seconds,
            ),
            wishes.partials,
            wishes.turns,
        )


def _thresholds(recognition: settings.Recognition, asked: float | None) -> Thresholds:
    if asked is None:
        return Thresholds(recognition.speech_in_probability, recognition.speech_out_probability)
    return Thresholds(asked, asked * _SPEECH_OUT_SHARE)


def _first(asked: float | None, usual: float) -> float:
    return usual if asked is None else asked
