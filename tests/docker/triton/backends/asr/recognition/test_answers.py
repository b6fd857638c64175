"""In what order the engines' graphs are called for the rows of one execute()."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from docker.triton.backends.asr.recognition.answers import Asked, AsrAnswers
from docker.triton.backends.asr.recognition.families import recogniser
from docker.triton.backends.asr.recognition.graph import GraphCall, Tensors
from docker.triton.backends.asr.recognition.version import Version
from docker.triton.backends.asr.recognition.vocabulary import Vocabulary
from docker.triton.backends.asr.recognition.wish import Wish
from tests.docker.scripted_engines import facts
from tests.docker.scripted_graph import END, tokenizer


class Graphs:
    """Hear nothing; what they are called for is kept."""

    def __init__(self) -> None:
        self.called: list[tuple[str, list[int]]] = []

    def answers(self, calls: Sequence[GraphCall]) -> list[Tensors]:
        self.called += [(call.graph.model, call.inputs["LENGTH"][:, 0].tolist()) for call in calls]
        return [self._nothing(*call.inputs["PROMPT"].shape) for call in calls]

    def _nothing(self, rows: int, prompt: int) -> Tensors:
        return {
            "TOKEN": np.full((rows, 1), END, np.int32),
            "LOG_PROBABILITY": np.zeros((rows, 1), np.float32),
            "PROMPT_LOG_PROBABILITY": np.zeros((rows, prompt), np.float32),
            "LANGUAGE": np.full((rows, 2), 0.5, np.float32),
            "NO_SPEECH": np.zeros((rows, 1), np.float32),
        }


def version() -> Version:
    """English is heard in int8, where each length is a call."""
    told = facts()
    told["engines"][0] |= {"precision": "int8", "voice_activity": None}
    return Version.parse(json.dumps(told))


def wish(language: str, seconds: int) -> Wish:
    samples = np.random.default_rng(seconds).integers(-999, 999, seconds * 16_000).astype(np.int16)
    return Wish(samples, language, word_times=False)


def test_an_engine_of_many_lengths_does_not_keep_another_waiting_behind_all_of_them() -> None:
    served, graphs = version(), Graphs()
    answers = AsrAnswers(served, [recogniser(each, Vocabulary(tokenizer())) for each in served.engines])
    wishes = [*(wish("en", seconds) for seconds in (1, 2, 4, 8)), wish("es", 3)]
    asked = [each for each in answers.asked(wishes, graphs.answers) if isinstance(each, Asked)]
    told = answers.tensors(asked, graphs.answers)
    assert [model for model, _ in graphs.called] == ["english", "spanish", "english", "english", "english"]
    assert sorted(length // 16_000 for _, lengths in graphs.called for length in lengths) == [1, 2, 3, 4, 8]
    assert told.rows("LANGUAGE", 0, 5)[:, 0].tolist() == ["en", "en", "en", "en", "es"]
