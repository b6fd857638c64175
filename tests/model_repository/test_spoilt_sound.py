"""A person's reading as bad microphones, telephones and rooms give it: words where they can be heard, no loops."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from export.evaluation.truth import normalised
from export.training.scoring import Score
from frontend.speech import RATE, Samples
from tests import nonspeech, readings
from tests.recogniser import Answer, ask_together, text
from tests.triton_server import TritonAddress
from tests.voices import person

READ = " ".join(readings.PARTS)
MOST_WRONG_PERCENT = 35.0
Sound = npt.NDArray[np.float64]
FASTEST_WORDS_A_SECOND = 5.0


def reading() -> Samples:
    return np.concatenate(readings.parts())


def spoilt(change: Callable[[Sound], Sound]) -> Samples:
    return np.asarray(np.clip(change(reading().astype(np.float64)), -32768, 32767), np.int16)


def with_melody(samples: Sound) -> Sound:
    melody = np.resize(dict(nonspeech.clips())["melody 4"].astype(np.float64), len(samples))
    return np.asarray(samples + melody * np.std(samples) / np.std(melody) * 0.2)


SPOILT: dict[str, Callable[[], Samples]] = {
    "twenty times too loud": lambda: spoilt(lambda samples: 20 * samples),
    "hardly to be heard": lambda: spoilt(lambda samples: samples / 50),
    "beside zero": lambda: spoilt(lambda samples: samples / 2 + 9000),
    "of a telephone": readings.of_telephone,
    "with music": lambda: spoilt(with_melody),
}


@pytest.fixture(scope="module")
def answers(triton: TritonAddress) -> dict[str, Answer]:
    """All in one batch, among them two people at once and the reading as it is."""
    sounds = {name: make() for name, make in SPOILT.items()}
    other = person()[: len(reading())]
    both = spoilt(lambda samples: samples / 2 + other / 2)
    sounds |= {"two people": both, "as it is": reading()}
    requests = [{"AUDIO": sound, "LANGUAGE": "en"} for sound in sounds.values()]
    return dict(zip(sounds, ask_together(triton, requests), strict=True))


@pytest.mark.parametrize("name", SPOILT)
def test_most_words_are_understood(answers: dict[str, Answer], name: str) -> None:
    score = Score()
    score.add(normalised(text(answers[name])), READ)
    assert score.percentages()["wer"] <= MOST_WRONG_PERCENT, text(answers[name])


def test_of_two_people_at_once_no_more_is_written_than_can_be_said(answers: dict[str, Answer]) -> None:
    answer, seconds = answers["two people"], len(reading()) / RATE
    assert 0 < len(text(answer).split()) <= FASTEST_WORDS_A_SECOND * seconds
    assert not answer["TRUNCATED"][0, 0]
    assert answer["COMPRESSION_RATIO"][0, 0] < 2.4


def test_what_is_beside_them_is_as_it_is_alone(answers: dict[str, Answer], triton: TritonAddress) -> None:
    (alone,) = ask_together(triton, [{"AUDIO": reading(), "LANGUAGE": "en"}])
    assert text(answers["as it is"]) == text(alone)
    assert normalised(text(alone)) == READ
