"""What `asr` answers, and what is decided about it after the graph has run: doubt, loops, confidences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .manifest import Calibration, Guards
from .repetition import compression_ratio, loop_start
from .timing import Times
from .words import Span, segments


@dataclass(frozen=True)
class Transcript:
    words: tuple[str, ...]
    starts: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]
    confidences: npt.NDArray[np.float64]
    segments: tuple[int, ...]
    language: str
    language_probability: float
    no_speech_probability: float
    average_log_probability: float
    compression_ratio: float
    truncated: bool


@dataclass(frozen=True)
class Utterance:
    """Words before they have times. `log_probabilities` are those of the tokens that the words name."""

    words: tuple[Span, ...]
    log_probabilities: npt.NDArray[np.float32]
    language: str
    language_probability: float
    no_speech_probability: float
    average_log_probability: float
    truncated: bool

    def transcript(self, times: Times, calibration: Calibration | None) -> Transcript:
        texts = tuple(word.text for word in self.words)
        starts, ends = times.starts, times.ends
        return Transcript(
            words=texts,
            starts=starts,
            ends=ends,
            confidences=confidences(self.words, self.log_probabilities, calibration),
            segments=tuple(segments(self.words, starts.tolist(), ends.tolist())),
            language=self.language,
            language_probability=self.language_probability,
            no_speech_probability=self.no_speech_probability,
            average_log_probability=self.average_log_probability,
            compression_ratio=compression_ratio("".join(texts)),
            truncated=self.truncated,
        )


def doubtful(no_speech_probability: float, average_log_probability: float, guards: Guards) -> bool:
    """Whether there is probably no speech. Where the manifest also limits the average log-probability, text that the
    decoder is sure of is kept, as Whisper does: its no-speech token alone is not reliable."""
    limit, sure = guards.no_speech_probability, guards.average_log_probability
    if limit is None or no_speech_probability <= limit:
        return False
    return sure is None or average_log_probability < sure


def kept_tokens(tokens: Sequence[int], words: Sequence[Span], cut: bool, guards: Guards) -> int:
    """How many tokens to believe: all, or those before a loop in text that compresses too well or ran to its limit."""
    limit = guards.compression_ratio
    suspicious = cut or (limit is not None and compression_ratio(joined(words)) > limit)
    start = loop_start(tokens, [word.last for word in words]) if suspicious else None
    return len(tokens) if start is None else start


def joined(words: Sequence[Span]) -> str:
    return "".join(word.text for word in words)


def confidences(
    words: Sequence[Span], log_probabilities: npt.NDArray[np.float32], calibration: Calibration | None
) -> npt.NDArray[np.float64]:
    """The probability that the decoder gave to the word: the product over its tokens, calibrated where possible."""
    totals = np.concatenate([[0.0], np.cumsum(np.asarray(log_probabilities, np.float64))])
    sums = np.array([totals[word.last] - totals[word.first] for word in words])
    raw = np.clip(np.exp(np.minimum(sums, 0.0)), 1e-6, 1 - 1e-6) if len(words) else np.zeros(0)
    if calibration is None:
        return raw
    odds = calibration.slope * np.log(raw / (1 - raw)) + calibration.intercept
    return np.asarray(1 / (1 + np.exp(-odds)), np.float64)
