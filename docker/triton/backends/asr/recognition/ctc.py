"""Family "ctc": a graph that says for each frame which letter it hears; the best one each, collapsed, is the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import timing
from .graph import Row, Tensors
from .manifest import Ctc, Manifest
from .transcript import Transcript, Utterance, doubtful, kept_tokens
from .vocabulary import Vocabulary
from .wish import Wish
from .words import spans


@dataclass(frozen=True)
class Path:
    """The letters that were heard: token, peak log-probability, and the frames first to last - 1 of each."""

    tokens: tuple[int, ...]
    log_probabilities: npt.NDArray[np.float32]
    first: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]


class CtcRecogniser:
    def __init__(self, manifest: Manifest, vocabulary: Vocabulary) -> None:
        assert manifest.ctc is not None
        self._manifest = manifest
        self._ctc = manifest.ctc
        self._vocabulary = vocabulary

    def row(self, wish: Wish) -> Row:
        """The text before and given words are ignored: such a graph cannot be told what was said."""
        return Row(wish.audible, max_tokens=wish.max_tokens)

    def outputs(self, _wishes: Sequence[Wish]) -> list[str]:
        return ["LOG_PROBABILITY", "FRAMES"]

    def transcripts(self, wishes: Sequence[Wish], rows: Sequence[Row], answer: Tensors) -> list[Transcript]:
        return [
            self._transcript(wish, row, answer["LOG_PROBABILITY"][place, : int(answer["FRAMES"][place, 0])])
            for place, (wish, row) in enumerate(zip(wishes, rows, strict=True))
        ]

    def _transcript(self, wish: Wish, row: Row, frames: npt.NDArray[np.float32]) -> Transcript:
        path = greedy(frames, self._ctc)
        no_speech = 1.0 if wish.silent or not len(frames) else float(np.exp(frames[:, self._ctc.blank].min()))
        average = float(path.log_probabilities.mean()) if path.tokens else 0.0
        silent = wish.silent or doubtful(no_speech, average, self._manifest.guards)
        language = wish.language or self._manifest.languages[0]
        count = 0 if silent else self._kept(path, row.max_tokens, language)
        units = self._vocabulary.units(path.tokens[:count])
        utterance = Utterance(
            words=tuple(spans(units, language)),
            log_probabilities=path.log_probabilities,
            language=language,
            language_probability=1.0,
            no_speech_probability=1.0 if silent else no_speech,
            average_log_probability=average,
            truncated=not silent and count < len(path.tokens),
        )
        return utterance.transcript(self._times(wish, utterance, path), self._manifest.confidence)

    def _kept(self, path: Path, limit: int, language: str) -> int:
        count = min(len(path.tokens), limit or len(path.tokens))
        words = spans(self._vocabulary.units(path.tokens[:count]), language)
        return kept_tokens(path.tokens[:count], words, False, self._manifest.guards)

    def _times(self, wish: Wish, said: Utterance, path: Path) -> timing.Times:
        if not wish.word_times or not said.words:
            return timing.no_times(len(said.words))
        # A word's own tokens follow the space that it may begin with.
        units = {unit.first: unit for unit in self._vocabulary.units(path.tokens)}
        own = [
            [token for token in range(word.first, word.last) if token not in units or units[token].text.strip()]
            for word in said.words
        ]
        first = path.first[[letters[0] for letters in own]].astype(np.float64)
        last = path.last[[letters[-1] for letters in own]].astype(np.float64)
        clock = timing.Clock(self._manifest.frame_seconds, self._manifest.word_offset_seconds, wish.seconds)
        return clock.times(first, last)


def greedy(frames: npt.NDArray[np.float32], ctc: Ctc) -> Path:
    """Repetitions are one letter, blanks none."""
    best = frames.argmax(axis=1)
    peaks = frames.max(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = np.append(starts[1:], len(best))
    spelled = {number: token for token, number in ctc.classes.items()}
    kept = [place for place, start in enumerate(starts) if best[start] != ctc.blank and int(best[start]) in spelled]
    logs = np.array([peaks[starts[place] : ends[place]].max() for place in kept], np.float32)
    tokens = tuple(spelled[int(best[starts[place]])] for place in kept)
    return Path(tokens, logs, starts[kept], ends[kept])
