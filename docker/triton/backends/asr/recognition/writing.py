"""Families "whisper" and "moonshine": a graph that writes text in a loop of its own; some have a CTC head for times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import graph, prompt, timing
from .alignment import Indices, Scores, Trellis, best_paths, ctc_trellis
from .graph import Heard, Row, Tensors
from .manifest import Manifest
from .sounding import out_of_quiet
from .spelling import Letters, spell
from .transcript import Transcript, Utterance, doubtful, kept_tokens
from .vocabulary import Vocabulary
from .wish import Wish
from .words import Span, spans, spoken_language

_OUTPUTS = ("TOKEN", "LOG_PROBABILITY", "PROMPT_LOG_PROBABILITY", "LANGUAGE", "NO_SPEECH")


class WritingRecogniser:
    def __init__(self, manifest: Manifest, vocabulary: Vocabulary) -> None:
        self._manifest = manifest
        self._vocabulary = vocabulary

    def row(self, wish: Wish) -> Row:
        return prompt.row(wish, self._manifest, self._vocabulary)

    def outputs(self, wishes: Sequence[Wish]) -> list[str]:
        """The frames are the largest tensor: asked for only where somebody wants word times."""
        timed = self._manifest.alignment is not None and any(wish.word_times and not wish.silent for wish in wishes)
        return [*_OUTPUTS, *(["ALIGNMENT"] if timed else [])]

    def transcripts(self, wishes: Sequence[Wish], rows: Sequence[Row], answer: Tensors) -> list[Transcript]:
        heard = [graph.heard(row, answer, place, self._manifest) for place, row in enumerate(rows)]
        utterances = [self._utterance(*each) for each in zip(wishes, rows, heard, strict=True)]
        times = self._times(wishes, utterances, heard)
        calibration = self._manifest.confidence
        return [each.transcript(found, calibration) for each, found in zip(utterances, times, strict=True)]

    def _utterance(self, wish: Wish, row: Row, heard: Heard) -> Utterance:
        manifest = self._manifest
        likely = dict(zip(manifest.heard_languages, heard.languages.tolist(), strict=True))
        language = wish.language or max(manifest.languages, key=lambda each: likely.get(each, 0.0))
        cut = heard.end_log_probability is None and row.max_tokens > 0
        logs = [*heard.log_probabilities[row.forced :].tolist()]
        if heard.end_log_probability is not None:
            logs.append(heard.end_log_probability)
        average = float(np.mean(logs)) if logs else 0.0
        silent = wish.silent or doubtful(heard.no_speech_probability, average, manifest.guards)
        words, looped = (
            ((), False) if silent else self._words(heard, row.forced, spoken_language(language, wish.task), cut)
        )
        return Utterance(
            words=words,
            log_probabilities=heard.log_probabilities,
            language=language,
            language_probability=likely.get(language, 0.0),
            no_speech_probability=1.0 if silent else heard.no_speech_probability,
            average_log_probability=average,
            truncated=(cut or looped) and not silent,
        )

    def _words(self, heard: Heard, forced: int, language: str, cut: bool) -> tuple[tuple[Span, ...], bool]:
        """The words to believe, and whether a loop was cut off."""
        tokens, special = heard.tokens, self._manifest.tokens
        assert special is not None
        units = [unit for unit in self._vocabulary.units(tokens) if tokens[unit.first] < special.first_special]
        whole = spans(units, language, forced)
        kept = max(forced, kept_tokens(tokens, whole, cut, self._manifest.guards))
        if kept == len(tokens):
            return tuple(whole), False
        found = spans([unit for unit in units if unit.last <= kept], language, forced)
        return tuple(found), True

    def _times(
        self, wishes: Sequence[Wish], utterances: Sequence[Utterance], heard: Sequence[Heard]
    ) -> list[timing.Times]:
        """All rows that can be aligned are, in one go."""
        trellises: dict[int, Trellis] = {}
        for place, (wish, said, row) in enumerate(zip(wishes, utterances, heard, strict=True)):
            trellis = self._trellis(wish, said, row) if wish.word_times and said.words else None
            if trellis is not None and trellis.feasible:
                trellises[place] = trellis
        paths = dict(zip(trellises, best_paths(list(trellises.values())), strict=True))
        return [
            self._row_times(wish, said, row, paths.get(place))
            for place, (wish, said, row) in enumerate(zip(wishes, utterances, heard, strict=True))
        ]

    def _trellis(self, wish: Wish, said: Utterance, heard: Heard) -> Trellis | None:
        if heard.alignment is None:
            return None
        if self._manifest.alignment == "attention":
            return timing.attention_trellis(heard.alignment)
        if self._manifest.ctc is None or wish.task != "transcribe":
            return None
        letters = self._letters(said, heard)
        return ctc_trellis(heard.alignment, letters.classes, self._manifest.ctc.blank) if letters.classes else None

    def _letters(self, said: Utterance, heard: Heard) -> Letters:
        assert self._manifest.ctc is not None
        return spell(said.words, heard.tokens, self._manifest.ctc.classes, self._vocabulary)

    def _row_times(self, wish: Wish, said: Utterance, heard: Heard, path: Indices | None) -> timing.Times:
        manifest = self._manifest
        if not wish.word_times or not said.words or heard.alignment is None:
            return timing.no_times(len(said.words))
        clock = timing.Clock(manifest.frame_seconds, manifest.word_offset_seconds, wish.seconds)
        if path is None:
            return clock.times(*timing.shared_out(self._spoken(heard.alignment), said.words))
        if manifest.alignment == "ctc":
            return clock.times(*timing.ctc_word_frames(path, self._letters(said, heard).words))
        first, last = timing.warped_word_frames(path, said.words)
        attended = clock.times(*timing.without_pauses(first, last, manifest.frame_seconds))
        return out_of_quiet(attended, wish.audio)

    def _spoken(self, alignment: Scores) -> Indices:
        manifest = self._manifest
        if manifest.ctc is None or manifest.alignment != "ctc":
            return np.arange(len(alignment))
        return timing.spoken_frames(alignment[:, manifest.ctc.blank], manifest.frame_seconds)
