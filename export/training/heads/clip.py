"""A sound to learn from or to be judged on, by what is known of it."""

import random
from dataclasses import dataclass

LANGUAGES = ("en", "de", "es", "fr", "it", "ru")
NOBODY = ""  # the language where nobody speaks


@dataclass(frozen=True)
class Clip:
    use: str  # train; test: whole sentences, as they are; words: single recordings, as they are
    kind: str  # a synthesizer's name, person, word or sound
    language: str
    speaker: str
    number: int

    def rng(self) -> random.Random:
        """The clip's own chances: the same however the work is divided."""
        return random.Random(f"{self.use} {self.kind} {self.language} {self.speaker} {self.number}")
