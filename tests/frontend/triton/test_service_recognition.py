"""Recognition over a scripted Triton: requests that batch, answers that keep the contract, refusals without a call."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from frontend.config import settings
from frontend.errors import AudioError, ClientError, DeadlineError, ServiceError, UnavailableError
from frontend.speech import ASR, LANGUAGE_ID, RATE, Decoding, ModelRef, Samples
from frontend.telemetry.metrics import Metrics
from frontend.triton.inference import Inference, RefusedError
from frontend.triton.service import ConnectionSpeech, TritonSpeech
from frontend.triton.tensors import Arrays
from tests.frontend.triton.one_triton import OneTriton

SAID = {"languages": ["en", "de"], "tasks": ["transcribe"], "limits": {"max_seconds": 20}}
MANIFEST = json.dumps({"model": "asr", "identity": "11" * 16, "calibration": {"confidence": None}, **SAID}).encode()


def floats(*values: float) -> Any:
    return np.array([values], np.float32)


def good() -> dict[str, Any]:
    return {
        "WORD": np.array([["Grüße".encode(), b" all"]], object),
        "START": floats(0.1, 0.5),
        "END": floats(0.5, 0.9),
        "CONFIDENCE": floats(0.9, 1.0),
        "SEGMENT": np.array([[0, 1]], np.int32),
        "LANGUAGE": np.array([[b"de"]], object),
        "LANGUAGE_PROBABILITY": floats(0.75),
        "NO_SPEECH_PROBABILITY": floats(0.125),
        "AVERAGE_LOG_PROBABILITY": floats(-0.25),
        "COMPRESSION_RATIO": floats(1.5),
        "TRUNCATED": np.array([[True]]),
        "MANIFEST": np.array([[MANIFEST]], object),
    }


class ScriptedTriton(OneTriton):
    """Answers well, but for the outputs that a test replaces; fails where it is told how."""

    def __init__(self, replaced: dict[str, Any] | None = None, failure: Exception | None = None) -> None:
        super().__init__()
        self.replaced = replaced or {}
        self.failure = failure
        self.probe: asyncio.Future[Arrays] | None = None
        self.probed = asyncio.Event()
        self.asked: list[Inference] = []
        self.most_under_way = self._under_way = 0
        self.permit = asyncio.Semaphore(16)

    def permits(self, model: ModelRef) -> asyncio.Semaphore:
        return self.permit

    async def infer(self, inference: Inference, *, permitted: bool = False) -> Arrays:
        await (asyncio.sleep(0) if permitted else self.permit.acquire())
        self.asked.append(inference)
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        await asyncio.sleep(0)
        self._under_way -= 1
        self.permit.release()
        if self.failure:
            raise self.failure
        self.answered[inference.model.name] = asyncio.get_running_loop().time()
        rows = len(inference.inputs["AUDIO"])
        outputs = {**good(), "PROBABILITY": np.array([[0.25, 0.75]] * rows, np.float32), **self.replaced}
        return {name: outputs[name] for name in inference.outputs}

    async def attempt(self, inference: Inference, timeout_seconds: float, address: str) -> Arrays:
        self.probed.set()
        return await (self.probe or self.infer(inference))


def shared(triton: ScriptedTriton) -> TritonSpeech:
    options = settings.Settings(triton=settings.Triton(models=("asr", "language_id")))
    return TritonSpeech(triton, options, Metrics())  # type: ignore[arg-type]


def connection(triton: ScriptedTriton) -> ConnectionSpeech:
    return shared(triton).asked_by("cafe")


def quiet(seconds: float = 1.0) -> Samples:
    return np.zeros(round(seconds * RATE), np.int16)


async def test_a_transcript_is_what_the_model_said() -> None:
    transcript = await connection(ScriptedTriton()).transcribe(quiet(), Decoding())
    assert transcript.text == "Grüße all"
    assert [(word.start_seconds, word.end_seconds, word.segment) for word in transcript.words] == [
        (pytest.approx(0.1), 0.5, 0),
        (0.5, pytest.approx(0.9), 1),
    ]
    assert (transcript.language, transcript.language_probability, transcript.truncated) == ("de", 0.75, True)
    assert (transcript.no_speech_probability, transcript.average_log_probability) == (0.125, -0.25)
    assert transcript.compression_ratio == 1.5


async def test_every_input_goes_with_every_request_padded_to_a_few_lengths() -> None:
    speech = connection(triton := ScriptedTriton())
    everything = Decoding("en", "translate", "before", ("one", " two"), ("hot",), word_times=False, max_tokens=7)
    await speech.transcribe(quiet(6.5), everything)
    await speech.transcribe(quiet(0.95), Decoding())
    first, second = (call.inputs for call in triton.asked)
    assert {name: values.dtype for name, values in first.items()} == {n: v.dtype for n, v in second.items()}
    assert (first["AUDIO"].shape, first["LENGTH"].tolist()) == ((1, 8 * RATE), [[104_000]])
    assert (second["AUDIO"].shape, second["LENGTH"].tolist()) == ((1, RATE), [[15_200]])
    strings = ("LANGUAGE", "TASK", "PROMPT", "PREFIX", "HOTWORDS")
    told = [first[name].tolist()[0] for name in strings]
    assert told == [[b"en"], [b"translate"], [b"before"], [b"one", b" two"], [b"hot"]]
    assert [second[name].tolist()[0] for name in strings] == [[b""], [b"transcribe"], [b""], [b""], [b""]]
    assert (first["WORD_TIMES"].tolist(), first["MAX_TOKENS"].tolist()) == ([[False]], [[7]])
    assert (second["WORD_TIMES"].tolist(), second["MAX_TOKENS"].tolist()) == ([[True]], [[0]])


async def test_text_that_is_no_unicode_does_no_harm() -> None:
    triton = ScriptedTriton()
    await connection(triton).transcribe(quiet(), Decoding(prompt="half \ud83d"))
    assert triton.asked[0].inputs["PROMPT"].tolist() == [[b"half ?"]]


async def test_requests_of_one_moment_go_alone_and_so_many_at_once_that_triton_can_batch_them() -> None:
    triton = ScriptedTriton()
    speech = connection(triton)
    await asyncio.gather(*(speech.transcribe(quiet(1 + number % 5), Decoding()) for number in range(40)))
    assert [len(call.inputs["AUDIO"]) for call in triton.asked] == [1] * 40
    assert triton.most_under_way == 16


async def test_no_words_are_an_answer() -> None:
    nothing = {name: np.zeros((1, 0), np.float32) for name in ("START", "END", "CONFIDENCE")}
    nothing |= {"WORD": np.zeros((1, 0), object), "SEGMENT": np.zeros((1, 0), np.int32)}
    assert (await connection(ScriptedTriton(nothing)).transcribe(quiet(), Decoding())).words == ()


@pytest.mark.parametrize(
    "replaced",
    [
        {"START": floats(0.1)},
        {"START": floats(0.6, 0.5)},
        {"START": floats(-0.5, 0.5)},
        {"START": floats(0.1, np.nan)},
        {"END": floats(0.5, 1.2)},
        {"END": floats(0.05, 0.9)},
        {"END": floats(0.95, 0.9)},
        {"CONFIDENCE": floats(0.9, 1.5)},
        {"CONFIDENCE": floats(np.inf, 0.5)},
        {"SEGMENT": np.array([[1, 0]], np.int32)},
        {"WORD": np.array([[b"\xff\xfe", b" all"]], object)},
        {"WORD": np.array([[1.0, 2.0]], np.float32)},
        {"LANGUAGE": np.array([[b"\xff"]], object)},
        {"LANGUAGE": np.array([[b"de", b"en"]], object)},
        {"LANGUAGE_PROBABILITY": floats(2.0)},
        {"NO_SPEECH_PROBABILITY": floats(-1.0)},
        {"AVERAGE_LOG_PROBABILITY": floats(-np.inf)},
        {"TRUNCATED": np.zeros((1, 0), bool)},
        {"MANIFEST": np.array([[b"no JSON"]], object)},
    ],
)
async def test_a_transcript_that_breaks_the_contract_is_not_believed(replaced: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError):
        await connection(ScriptedTriton(replaced)).transcribe(quiet(), Decoding())


async def test_languages_are_ranked_with_their_probabilities() -> None:
    found = await connection(ScriptedTriton()).detect_language(quiet())
    assert found.ranked == (("de", 0.75), ("en", 0.25))


@pytest.mark.parametrize(
    "probabilities", [[0.75, 0.5], [0.25, 0.25, 0.5], [1.5, -0.5], [np.nan, 1.0], [1.0], []], ids=str
)
async def test_language_probabilities_that_break_the_contract_are_not_believed(probabilities: list[float]) -> None:
    triton = ScriptedTriton({"PROBABILITY": floats(*probabilities)})
    with pytest.raises(UnavailableError):
        await connection(triton).detect_language(quiet())


async def test_the_manifest_is_known_from_the_first_answer() -> None:
    triton = ScriptedTriton()
    speech = connection(triton)
    await speech.transcribe(quiet(), Decoding())
    manifest = speech.manifest(ASR)
    assert manifest is not None
    assert (manifest.languages, manifest.tasks, manifest.max_seconds) == (("en", "de"), ("transcribe",), 20)


@pytest.mark.parametrize(
    ("seconds", "decoding", "told"),
    [
        (1, Decoding("xx"), "unsupported language: xx"),
        (1, Decoding("x" * 1000), f"unsupported language: {'x' * 35}$"),
        (1, Decoding("de", "translate"), "the model asr does not translate"),
        (21, Decoding(), "takes 20 s at once"),
    ],
)
async def test_what_the_model_is_known_not_to_do_is_refused_without_asking(
    seconds: float, decoding: Decoding, told: str
) -> None:
    triton = ScriptedTriton()
    speech = shared(triton)
    assert (await speech.ready()).ready
    asked = len(triton.asked)
    with pytest.raises(ClientError, match=told):
        await speech.asked_by("cafe").transcribe(quiet(seconds), decoding)
    assert len(triton.asked) == asked


async def test_more_audio_than_any_recogniser_takes_is_the_callers_fault() -> None:
    with pytest.raises(AudioError, match="takes 30 s at once"):
        await connection(ScriptedTriton()).transcribe(quiet(31), Decoding())


async def test_what_the_model_refuses_is_told_to_the_client_with_its_reason() -> None:
    triton = ScriptedTriton(failure=RefusedError("asr", "this model knows no hotwords"))
    with pytest.raises(ClientError, match=r"^this model knows no hotwords$"):
        await connection(triton).transcribe(quiet(), Decoding(hotwords=("hot",)))


async def test_what_triton_refuses_by_itself_is_not_the_clients_fault() -> None:
    triton = ScriptedTriton(failure=RefusedError("asr", ""))
    with pytest.raises(ServiceError, match="refuses what the gateway asks"):
        await connection(triton).transcribe(quiet(), Decoding())
    triton.failure = RefusedError("language_id", "too long")
    with pytest.raises(ServiceError, match="refuses what the gateway asks"):
        await connection(triton).detect_language(quiet())


async def test_a_model_that_answers_others_while_the_probe_waits_is_busy_and_ready() -> None:
    triton = ScriptedTriton()
    triton.probe = asyncio.get_running_loop().create_future()
    speech = shared(triton)
    probing = asyncio.create_task(speech.ready())
    await triton.probed.wait()
    voice = speech.asked_by("cafe")
    await asyncio.gather(voice.transcribe(quiet(), Decoding()), voice.detect_language(quiet()))
    triton.probe.set_exception(DeadlineError("the models did not answer in time"))
    assert (await probing).errors == {ASR.name: None, LANGUAGE_ID.name: None}
    assert not (await shared(triton).ready()).ready
