"""The bundled recogniser in the real Triton: words, times, languages, and the same answers in a batch as alone."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from export.calibration.voices import Voice, speak
from export.training.scoring import Score
from frontend.speech import RATE, Samples
from tests import readings, sounds
from tests.recogniser import Answer, ask, ask_together, number, text, words
from tests.triton_server import TritonAddress
from tests.voices import silence

VOICE = Voice("espeak-ng", "Marco")
SENTENCES = {
    "en": ("turn on the light in the kitchen", "the train leaves at half past seven", "what is the time"),
    "de": ("der zug fährt um acht uhr", "schalte das licht in der küche ein"),
    "es": ("enciende la luz de la cocina", "el tren sale a las ocho"),
    "fr": ("allume la lumière dans la cuisine", "le train part à huit heures"),
    "it": ("vorrei un caffè per favore", "accendi la luce in cucina"),
    "bg": ("добро утро", "влакът тръгва в осем часа"),
}  # fmt: skip
SPOKEN = [(language, sentence) for language, sentences in SENTENCES.items() for sentence in sentences]
MOST_ROUNDS = 20


def said(sentence: str, language: str = "en") -> Samples:
    return speak(VOICE, sentence, language)


def assert_times_are_in_order(answer: Answer, seconds: float) -> None:
    starts, ends = answer["START"][0], answer["END"][0]
    assert (starts >= 0).all()
    assert (ends <= seconds + 1e-3).all()
    assert (starts <= ends).all()
    assert (ends[:-1] <= starts[1:]).all()


def test_six_languages_are_recognised(triton: TritonAddress) -> None:
    score = Score()
    for language, sentence in SPOKEN:
        samples = said(sentence, language)
        answer = ask(triton, AUDIO=samples, LANGUAGE=language)
        score.add(re.sub(r"[^\w ]", "", text(answer).lower()), sentence)
        assert answer["LANGUAGE"][0, 0].decode() == language, sentence
        assert_times_are_in_order(answer, len(samples) / RATE)
        assert ((answer["CONFIDENCE"][0] > 0) & (answer["CONFIDENCE"][0] <= 1)).all()
    assert score.percentages()["wer"] <= 25


def test_the_language_of_a_person_is_told_and_heard_in_it(triton: TritonAddress) -> None:
    reading = np.concatenate(readings.parts())
    answer = ask(triton, "language_id", AUDIO=reading)
    languages = json.loads(answer["MANIFEST"][0, 0])["languages"]
    (probabilities,) = answer["PROBABILITY"]
    assert languages[int(probabilities.argmax())] == "en"
    assert 0.8 < probabilities.max() <= probabilities.sum() <= 1 + 1e-4
    heard = ask(triton, AUDIO=reading)
    assert (heard["LANGUAGE"][0, 0], heard["LANGUAGE_PROBABILITY"][0, 0] > 0.8) == (b"en", True)


def test_noise_is_in_no_language_for_sure(triton: TritonAddress) -> None:
    (probabilities,) = ask(triton, "language_id", AUDIO=sounds.noise(4, RATE))["PROBABILITY"]
    assert probabilities.sum() <= 1 + 1e-4
    assert probabilities.max() < 0.8


def test_words_stand_where_they_are_said_and_a_pause_begins_a_segment(triton: TritonAddress) -> None:
    first, second = (said(sentence, "de") for sentence in SENTENCES["de"])
    before, between = 0.5, 1.2
    samples = np.concatenate([silence(before), first, silence(between), second])
    answer = ask(triton, AUDIO=samples, LANGUAGE="de")
    starts, found = answer["START"][0], words(answer)
    later = starts >= before + len(first) / RATE
    assert starts[0] == pytest.approx(before + _onset_seconds(first), abs=0.12)
    assert starts[later][0] == pytest.approx(before + between + len(first) / RATE + _onset_seconds(second), abs=0.12)
    assert len(set(answer["SEGMENT"][0][~later])) == 1
    assert answer["SEGMENT"][0][later][0] == 1, found


def _onset_seconds(samples: Samples) -> float:
    return float(np.flatnonzero(np.abs(samples.astype(int)) > 600)[0]) / RATE


def test_eight_concurrent_requests_run_together_and_give_what_each_gives_alone(triton: TritonAddress) -> None:
    requests: list[dict[str, Any]] = [{"AUDIO": said(sentence, language)} for language, sentence in SPOKEN[::2]]
    requests.append({"AUDIO": said(SPOKEN[1][1]), "LANGUAGE": "en", "PREFIX": ["the", "train"]})
    requests.append({"AUDIO": np.concatenate([said(sentence) for sentence in SENTENCES["en"]]), "TASK": "translate"})
    requests = [{"LANGUAGE": "", "TASK": "", "PREFIX": [""], **each} for each in requests[:8]]
    before, _ = triton.counts("asr")
    alone = [ask(triton, **each) for each in requests]
    counted = triton.counts("asr", before + len(requests))
    together = []
    for _ in range(MOST_ROUNDS):  # on a busy machine clients come one by one now and then
        together += ask_together(triton, requests)
        previous, counted = counted, triton.counts("asr", counted[0] + len(requests))
        # The launcher's probes of one row, executed alone, may be among them.
        probes = counted[0] - previous[0] - len(requests)
        if counted[1] - previous[1] - probes <= 2:
            break
    else:
        pytest.fail(f"eight requests at once never ran in two executions, in {MOST_ROUNDS} rounds")
    for answer, expected in zip(together, alone * (len(together) // len(alone)), strict=True):
        assert words(answer) == words(expected)
        for name in ("START", "END", "CONFIDENCE", "LANGUAGE_PROBABILITY"):
            np.testing.assert_allclose(answer[name], expected[name], atol=2e-3)


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.3, 2.0, 12.0])
def test_what_is_no_speech_gives_no_text(triton: TritonAddress, seconds: float) -> None:
    count = round(seconds * RATE)
    clicks = np.zeros(count, np.int16)
    clicks[:: RATE // 3] = 20_000
    rising_hertz = np.linspace(750, 5200, count)
    heard = {
        "silence": np.zeros(count, np.int16),
        "offset": np.full(count, 5000, np.int16),
        "quiet noise": sounds.noise(seconds, RATE, 0.003),
        "loud noise": sounds.noise(seconds, RATE, 0.3),
        "clipped noise": sounds.noise(seconds, RATE, 5.0),
        "hum": sounds.tone(50, seconds, RATE),
        "tone": sounds.tone(440, seconds, RATE, 0.8),
        "dial tones": sounds.tone(770, seconds, RATE) + sounds.tone(1336, seconds, RATE),
        "clicks": clicks,
        "sweep": (12_800 * np.sin(2 * np.pi * np.cumsum(rising_hertz) / RATE)).astype(np.int16),
    }  # fmt: skip
    for name, samples in heard.items():
        assert text(ask(triton, AUDIO=samples)) == "", name


def test_a_translation_is_english_in_order_and_inside_the_audio(triton: TritonAddress) -> None:
    samples = said("buongiorno", "it")
    answer = ask(triton, AUDIO=samples, LANGUAGE="it", TASK="translate")
    assert text(answer) == "good morning"
    assert_times_are_in_order(answer, len(samples) / RATE)


def test_a_prefix_is_forced_even_where_something_else_is_said(triton: TritonAddress) -> None:
    samples = said("turn on the light in the kitchen")
    answer = ask(triton, AUDIO=samples, LANGUAGE="en", PREFIX=["Turn", "off"])
    assert words(answer)[:2] == [" Turn", " off"]
    assert len(words(answer)) > 4
    confidences = answer["CONFIDENCE"][0]
    assert confidences[1] < confidences[0]


def test_a_forced_prefix_takes_no_step_of_decoding(triton: TritonAddress) -> None:
    samples = np.concatenate([said(sentence, "de") for sentence in SENTENCES["de"]])
    prefix = " ".join(SENTENCES["de"]).split()[:10]
    request: dict[str, Any] = {"AUDIO": samples, "LANGUAGE": "de", "MAX_TOKENS": number(1)}
    assert text(ask(triton, **request, PREFIX=prefix)).split()[:10] == prefix
    assert len(text(ask(triton, **request))) == 1
