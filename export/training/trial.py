"""The dev set's judgement while a model is trained."""

from dataclasses import dataclass

import numpy as np

from export.training.conditions import joined
from export.training.hearing import Listener
from export.training.model import Recogniser
from export.training.scoring import Score
from export.training.shards import Recording


@dataclass(frozen=True)
class Judgement:
    figures: dict[str, float]

    @property
    def badness(self) -> float:
        """What the best checkpoint has least of: wrong words, also in joined sentences, and translations not exact."""
        figures = self.figures
        return figures["wer"] + 0.1 * (100 - figures["translation_exact"]) + 0.1 * figures["joined_wer"]

    def described(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.figures.items())


class Trial:
    def __init__(self, recordings: list[Recording]) -> None:
        self._recordings = recordings
        self._sounds = [np.pad(recording.samples(), (1600, 3200)) for recording in recordings]
        self._joined = joined(recordings)

    def judge(self, model: Recogniser) -> Judgement:
        transcription, translation, languages = Score(), Score(), 0
        heard = Listener(model).listen(self._sounds, [recording.language for recording in self._recordings])
        for recording, result in zip(self._recordings, heard, strict=True):
            transcription.add(result.text, recording.text)
            languages += result.language == recording.language
            if recording.language != "en":
                translation.add(result.english, recording.english)
        figures = transcription.percentages()
        figures |= {f"translation_{name}": value for name, value in translation.percentages().items()}
        figures["joined_wer"] = self._judge_joined(model)
        figures["language"] = round(100 * languages / len(self._recordings), 1)
        return Judgement(figures)

    def _judge_joined(self, model: Recogniser) -> float:
        score = Score()
        languages = [clip.language for clip in self._joined]
        heard = Listener(model).listen([clip.sound for clip in self._joined], languages, translate=False)
        for clip, result in zip(self._joined, heard, strict=True):
            score.add(result.text, clip.text)
        return score.percentages()["wer"]
