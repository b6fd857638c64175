"""The dev set's judgement while a model is trained."""

from dataclasses import dataclass

import numpy as np

from export.asr.hearing import Listener
from export.asr.model import Recogniser
from export.asr.scoring import Score
from export.asr.shards import Recording


@dataclass(frozen=True)
class Judgement:
    figures: dict[str, float]

    @property
    def badness(self) -> float:
        """What the best checkpoint has least of: errors of words, and translations that are not exact."""
        return self.figures["wer"] + 0.1 * (100 - self.figures["translation_exact"])

    def described(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.figures.items())


class Trial:
    def __init__(self, recordings: list[Recording]) -> None:
        self._recordings = recordings
        self._sounds = [np.pad(recording.samples(), (1600, 3200)) for recording in recordings]

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
        figures["language"] = round(100 * languages / len(self._recordings), 1)
        return Judgement(figures)
