"""Several engines behind one `asr`, inside the real Triton, in front of graphs whose answers are scripted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tritonclient.utils import InferenceServerException

from tests.docker.scripted_engines import VOICE_PEAK, Engines
from tests.docker.scripted_graph import Script
from tests.docker.triton.backends.asr.test_model import UNSCRIPTED
from tests.docker.triton.backends.asr.test_model_refusals import refusal
from tests.recogniser import Answer, ask, ask_together, text
from tests.triton_server import TritonAddress, running_triton, wait_until

ENGLISH, SPANISH, NEITHER, UNSURE, NOBODY = range(5)  # which language each sound is in
# What the graphs of languages hears is tempered by 2, as its manifest says.
HEARD = {
    sound: float(np.sqrt(likely) / np.sqrt([likely, 1 - likely]).sum())
    for sound, likely in {ENGLISH: 0.9, SPANISH: 0.2, NEITHER: 0.6, UNSURE: 0.55}.items()
}
BY_ENGLISH = [
    Script("by english"),
    Script("by english", language=0.2),
    Script("by english", language=0.6),
    Script("by english", language=0.55),
    Script("by english", no_speech=0.95),
]
BY_SPANISH = [Script("by spanish")] * 5


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonAddress]:
    root = tmp_path_factory.mktemp("engines")
    Engines(root / "repository").write(BY_ENGLISH, BY_SPANISH)
    with running_triton(root / "repository", root / "state") as address:
        yield address


def sound(script: int, seconds: float = 2, peak: int = 3000) -> npt.NDArray[np.int16]:
    samples = np.random.default_rng(script).integers(-peak, peak, round(seconds * 16_000)).astype(np.int16)
    samples[0] = script
    return samples[None]


def language(answer: Answer) -> tuple[Any, Any]:
    return answer["LANGUAGE"][0, 0].decode(), float(answer["LANGUAGE_PROBABILITY"][0, 0])


def run_with_others(engines: TritonAddress, model: str) -> int:
    """How many rows had no execution of their own. The launcher's probes, one a second, have theirs."""
    rows, executions = engines.counts(model)
    return rows - executions


def test_each_model_is_called_once_a_batch_and_only_for_the_rows_that_need_it(engines: TritonAddress) -> None:
    """Asked before all else: Triton counts after it has answered, so what comes later may be counted with it."""
    inputs: list[dict[str, Any]] = [
        {"AUDIO": sound(heard, 1 + place / 4), "LANGUAGE": wanted, "PREFIX": [""]}
        for place, (heard, wanted) in enumerate(
            [(ENGLISH, ""), (ENGLISH, "en"), (SPANISH, ""), (SPANISH, "es"), (SPANISH, "es"), (NEITHER, "")] * 2
        )
    ]
    rows = np.concatenate([np.pad(each["AUDIO"], ((0, 0), (0, 64_000 - each["AUDIO"].shape[1]))) for each in inputs])
    assert engines.counts("languages") == engines.counts("spanish") == (0, 0)
    together = ask(
        engines,
        AUDIO=rows,
        LENGTH=np.array([[each["AUDIO"].shape[1]] for each in inputs], np.int32),
        LANGUAGE=np.array([[each["LANGUAGE"]] for each in inputs], np.object_),
    )
    assert engines.counts("languages", least_rows=6) == engines.counts("spanish", least_rows=6) == (6, 1)
    wait_until(lambda: run_with_others(engines, "english") == 5)
    for place, each in enumerate(inputs):
        alone = ask(engines, **each)
        assert together["WORD"][place].tolist() == alone["WORD"][0].tolist()
        for name in ("START", "CONFIDENCE", "LANGUAGE", "LANGUAGE_PROBABILITY", "AVERAGE_LOG_PROBABILITY"):
            assert np.array_equal(together[name][place], alone[name][0]), name
    assert engines.counts("languages", least_rows=12)[0] == 12, "whoever names it is not asked what language it is"


@pytest.mark.parametrize(
    ("wanted", "task", "engine"),
    [("en", "", "by english"), ("es", "", "by spanish"), ("es", "translate", "by spanish")],
)
def test_a_request_goes_to_the_engine_of_its_language_and_task(
    engines: TritonAddress, wanted: str, task: str, engine: str
) -> None:
    answer = ask(engines, AUDIO=sound(NEITHER), LANGUAGE=wanted, TASK=task)
    assert text(answer) == engine
    assert language(answer)[0] == wanted


@pytest.mark.parametrize(
    ("heard", "engine", "expected"),
    [
        (ENGLISH, "by english", ("en", HEARD[ENGLISH])),
        (SPANISH, "by spanish", ("es", 1 - HEARD[SPANISH])),
        (NEITHER, "by english", ("en", HEARD[NEITHER])),
    ],
)
def test_without_a_language_the_one_that_is_heard_decides_and_says_how_likely_it_is(
    engines: TritonAddress, heard: int, engine: str, expected: tuple[str, float]
) -> None:
    answer = ask(engines, AUDIO=sound(heard))
    assert text(answer) == engine
    assert language(answer) == (expected[0], pytest.approx(expected[1], abs=1e-4))


def test_of_a_language_in_which_the_task_is_not_done_the_likeliest_other_is_told_and_no_words_if_it_is_unlikely(
    engines: TritonAddress,
) -> None:
    answer = ask(engines, AUDIO=sound(ENGLISH), TASK="translate")
    assert text(answer) == ""
    assert language(answer) == ("es", pytest.approx(1 - HEARD[ENGLISH], abs=1e-4))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"LANGUAGE": "en", "TASK": "translate"}, "TASK 'translate' is not done of LANGUAGE 'en', only of es"),
        ({"LANGUAGE": "xx"}, "LANGUAGE 'xx' is unknown, the model knows en, es"),
        ({"TASK": "sing"}, "TASK 'sing' is unknown, the model can transcribe, translate"),
        ({"AUDIO": sound(ENGLISH, 12), "LANGUAGE": "en"}, "12.0 s), the model takes at most 10 s"),
        ({"AUDIO": sound(ENGLISH, 12)}, "12.0 s), the model takes at most 10 s"),
        ({"AUDIO": sound(SPANISH, 31)}, "31.0 s), the model takes at most 30 s"),
    ],
)
def test_what_no_engine_does_is_refused_and_said(engines: TritonAddress, inputs: dict[str, Any], said: str) -> None:
    assert said in refusal(engines, **{"AUDIO": sound(ENGLISH), **inputs})
    assert text(ask(engines, AUDIO=sound(SPANISH, 12))) == "by spanish"


def test_concurrent_requests_in_several_languages_get_their_own_answers(engines: TritonAddress) -> None:
    inputs = [{"AUDIO": sound(heard), "LANGUAGE": ""} for heard in (ENGLISH, SPANISH, ENGLISH, NEITHER) * 3]
    answers = ask_together(engines, inputs)
    assert [text(answer) for answer in answers] == ["by english", "by spanish", "by english", "by english"] * 3


def test_what_is_in_no_language_that_is_likely_enough_has_no_words_unless_its_language_is_given(
    engines: TritonAddress,
) -> None:
    answer = ask(engines, AUDIO=sound(UNSURE))
    assert text(answer) == ""
    assert language(answer) == ("en", pytest.approx(HEARD[UNSURE], abs=1e-4))
    assert answer["NO_SPEECH_PROBABILITY"][0, 0] == pytest.approx(0.01), "somebody may speak"
    assert text(ask(engines, AUDIO=sound(UNSURE), LANGUAGE="es")) == "by spanish"
    assert text(ask(engines, AUDIO=sound(UNSURE), LANGUAGE="en")) == "by english"


def test_in_what_the_graph_of_languages_hears_no_voice_there_are_no_words_of_any(engines: TritonAddress) -> None:
    answer = ask(engines, AUDIO=sound(NOBODY))
    assert text(answer) == ""
    assert answer["NO_SPEECH_PROBABILITY"][0, 0] == 1, "whatever its limit, which nobody else need know"
    assert answer["LANGUAGE_PROBABILITY"][0, 0] > 0, "the language was asked for"


def test_what_has_no_words_takes_none_from_its_neighbours(engines: TritonAddress) -> None:
    order = (UNSURE, ENGLISH, NOBODY, SPANISH, UNSURE, NEITHER)
    answers = ask_together(engines, [{"AUDIO": sound(heard), "LANGUAGE": ""} for heard in order])
    assert [text(answer) for answer in answers] == ["", "by english", "", "by spanish", "", "by english"]


def test_an_engine_that_writes_text_whatever_it_hears_is_not_asked_where_nobody_speaks(engines: TritonAddress) -> None:
    quiet = sound(ENGLISH, peak=VOICE_PEAK // 2)
    for wanted in ("en", ""):
        answer = ask(engines, AUDIO=quiet, LANGUAGE=wanted)
        assert text(answer) == ""
        assert answer["NO_SPEECH_PROBABILITY"][0, 0] == 1
    assert text(ask(engines, AUDIO=quiet, LANGUAGE="es")) == "by spanish", "its own no-speech answer is believed"


def test_an_engine_that_trusts_what_hears_languages_is_not_asked_of_a_given_one_where_that_hears_nobody(
    tmp_path: Path,
) -> None:
    engines = Engines(tmp_path / "repository", trusting=("es",))
    engines.write(BY_ENGLISH, BY_SPANISH)
    with running_triton(tmp_path / "repository", tmp_path / "state") as address:
        answer = ask(address, AUDIO=sound(NOBODY), LANGUAGE="es")
        assert text(answer) == ""
        assert answer["NO_SPEECH_PROBABILITY"][0, 0] == 1
        assert text(ask(address, AUDIO=sound(UNSURE), LANGUAGE="es")) == "by spanish"


def test_speech_late_in_the_sound_is_speech(engines: TritonAddress) -> None:
    late = np.concatenate([sound(ENGLISH, 5, VOICE_PEAK // 2), sound(ENGLISH, 1)], axis=1)
    assert text(ask(engines, AUDIO=late, LANGUAGE="en")) == "by english"


def test_a_click_is_no_speech(engines: TritonAddress) -> None:
    click = sound(ENGLISH, peak=VOICE_PEAK // 2)
    click[0, 9000:9400] = 9000
    assert text(ask(engines, AUDIO=click, LANGUAGE="en")) == ""


def test_where_one_engine_fails_the_others_rows_have_their_answers(engines: TritonAddress) -> None:
    inputs: list[dict[str, Any]] = [{"AUDIO": sound(SPANISH), "LANGUAGE": "es"} for _ in range(4)]
    bad: dict[str, Any] = {"AUDIO": sound(UNSCRIPTED), "LANGUAGE": "en"}
    with ThreadPoolExecutor(5) as threads:
        failing = threads.submit(ask, engines, **bad)
        answers = list(threads.map(lambda each: ask(engines, **each), inputs))
        with pytest.raises(InferenceServerException, match="english 1"):
            failing.result()
    assert [text(answer) for answer in answers] == ["by spanish"] * 4
