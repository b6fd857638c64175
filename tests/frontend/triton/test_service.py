"""The speech service over a scripted Triton: what breaks the contract is refused, never believed."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from frontend.config import settings
from frontend.errors import AudioError, DeadlineError, SettingsError, UnavailableError
from frontend.speech import SPEAKER_EMBEDDING, VAD, Manifest, ModelRef, Sound, VadState
from frontend.telemetry.metrics import Metrics
from frontend.triton.inference import Inference
from frontend.triton.service import TritonSpeech
from frontend.triton.tensors import Arrays, SpeakerEmbeddingContract
from tests.frontend.triton.one_triton import OneTriton

TEXT = json.dumps({"model": "m", "identity": "00" * 16, "calibration": {"slope": 20, "intercept": -14}}).encode()


class ScriptedTriton(OneTriton):
    """Answers with good outputs, but for those that a test replaces."""

    def __init__(self, **replaced: Any) -> None:
        super().__init__()
        self.replaced = replaced
        self.asked: list[Inference] = []
        self.permit = asyncio.Semaphore(4)

    async def infer(self, inference: Inference, *, permitted: bool = False) -> Arrays:
        if permitted:
            self.permit.release()
        self.asked.append(inference)
        rows = len(inference.inputs["AUDIO"])
        good = {
            "EMBEDDING": np.eye(1, 256, dtype=np.float32).repeat(rows, 0),
            "PROBABILITY": np.full((rows, inference.inputs["AUDIO"].shape[1] // 512), 0.5, np.float32),
            "NEXT_CONTEXT": np.zeros((rows, 64), np.float32),
            "NEXT_STATE": np.zeros((rows, 2, 128), np.float32),
            "MANIFEST": np.array([[TEXT]] * rows, object),
        }
        return {name: self.replaced.get(name, good[name]) for name in inference.outputs}

    def permits(self, model: ModelRef) -> asyncio.Semaphore:
        return self.permit

    async def attempt(self, inference: Inference, timeout_seconds: float, address: str) -> Arrays:
        return await self.infer(inference)


def service(
    triton: ScriptedTriton,
    models: tuple[str, ...] = ("vad", "speaker_embedding"),
    readiness_cache_seconds: float = 1.0,
) -> TritonSpeech:
    options = settings.Settings(triton=settings.Triton(models=models, readiness_cache_seconds=readiness_cache_seconds))
    return TritonSpeech(triton, options, Metrics())  # type: ignore[arg-type]


async def test_streams_of_one_moment_share_a_call_under_the_id_of_the_first() -> None:
    triton = ScriptedTriton()
    shared = service(triton)
    voices = [shared.asked_by(f"cafe000{number}") for number in range(5)]
    windows = np.zeros(512 * 3, np.int16)
    results = await asyncio.gather(*(voice.speech_probabilities(windows, VadState()) for voice in voices))
    assert [len(probabilities) for probabilities, _ in results] == [3] * 5
    (call,) = triton.asked
    assert call.request_id == "cafe0000-1+4"
    assert call.inputs["AUDIO"].shape == (5, 4 * 512)
    assert call.inputs["WINDOWS"].tolist() == [[3]] * 5


@pytest.mark.parametrize(
    "replaced",
    [
        {"EMBEDDING": np.full((1, 256), np.nan, np.float32)},
        {"EMBEDDING": np.eye(2, 256, dtype=np.float32)},
        {"MANIFEST": np.array([[]], object)},
        {"MANIFEST": np.array([[b"not json"]], object)},
        {"MANIFEST": np.array([[TEXT.replace(b"20", b"NaN")]], object)},
        {"MANIFEST": np.array([[b"{}"]], object)},
    ],
)
async def test_an_embedding_that_breaks_the_contract_is_no_voice(replaced: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError):
        await service(ScriptedTriton(**replaced)).asked_by("cafe").embed_voice(np.zeros(16000, np.int16))


@pytest.mark.parametrize(
    "replaced",
    [
        {"PROBABILITY": np.full((1, 1), np.nan, np.float32)},
        {"NEXT_STATE": np.full((1, 2, 128), np.inf, np.float32)},
        {"PROBABILITY": np.zeros((0, 1), np.float32)},
        {"PROBABILITY": np.zeros((1, 0), np.float32)},
        {"NEXT_CONTEXT": np.zeros((1, 32), np.float32)},
        {"NEXT_STATE": np.zeros((1, 2, 64), np.float32)},
        {"NEXT_STATE": np.zeros((1, 2, 128), np.float64)},
    ],
)
async def test_activity_that_breaks_the_contract_is_not_believed(replaced: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError):
        await (
            service(ScriptedTriton(**replaced))
            .asked_by("cafe")
            .speech_probabilities(np.zeros(512, np.int16), VadState())
        )


async def test_a_turn_that_no_request_can_be_made_of_fails_alone_and_keeps_no_permit() -> None:
    triton = ScriptedTriton()
    triton.permit = asyncio.Semaphore(1)
    voice = service(triton).asked_by("cafe")
    with pytest.raises(ValueError, match="buffer size"):
        await voice.speech_probabilities(np.zeros(512, np.int16), VadState(context=b"123"))
    async with asyncio.timeout(10):
        probabilities, _ = await voice.speech_probabilities(np.zeros(512, np.int16), VadState())
    assert probabilities.tolist() == [0.5]
    assert len(triton.asked) == 1


class Stream:
    def __init__(self) -> None:
        self.told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def row(self) -> Sound:
        return Sound(np.zeros(512, np.int16), VadState())

    def answered(self, result: Any) -> None:
        self.told.set_result(result)

    def failed(self, error: Exception) -> None:
        self.told.set_exception(error)


async def test_a_stream_does_not_wait_for_ever_for_a_call_that_may_never_be_over() -> None:
    triton, options = ScriptedTriton(), settings.Settings(triton=settings.Triton(give_up_seconds=0.0))
    triton.permit = asyncio.Semaphore(0)
    stream = Stream()
    TritonSpeech(triton, options, Metrics()).asked_by("cafe").listen(stream)  # type: ignore[arg-type]
    with pytest.raises(DeadlineError, match="too busy"):
        await asyncio.wait_for(stream.told, 10)


@pytest.mark.parametrize("manifest", [np.array([], object), np.array([[b"[]"]], object), np.array([[1.0]])])
async def test_readiness_says_that_a_model_breaks_its_contract_and_never_raises(manifest: Any) -> None:
    readiness = await service(ScriptedTriton(MANIFEST=manifest)).ready()
    assert not readiness.ready
    assert all(readiness.errors.values())


async def test_a_manifest_is_known_once_the_model_answered() -> None:
    shared = service(ScriptedTriton())
    assert shared.manifest(SPEAKER_EMBEDDING) is None
    assert (await shared.ready()).ready
    known = shared.manifest(SPEAKER_EMBEDDING)
    assert known is not None
    assert (known.identity, known.dimensions) == ("00" * 16, 256)
    assert shared.manifest(VAD) is not None


async def test_who_joins_asks_again_for_a_model_that_did_not_answer_at_first() -> None:
    class Late(ScriptedTriton):
        async def attempt(self, inference: Inference, timeout_seconds: float, address: str) -> Arrays:
            if inference.model == VAD and not self.asked:
                self.asked.append(inference)
                raise UnavailableError("not yet")
            return await super().attempt(inference, timeout_seconds, address)

    shared = service(Late(), readiness_cache_seconds=0.0)
    await shared.meet()
    assert shared.manifest(VAD) is not None
    assert shared.manifest(SPEAKER_EMBEDDING) is not None


async def test_who_joins_does_not_wait_for_ever_for_models_that_are_not_there() -> None:
    class Nobody(ScriptedTriton):
        async def attempt(self, inference: Inference, timeout_seconds: float, address: str) -> Arrays:
            self.asked.append(inference)
            raise UnavailableError("no Triton")

    nobody = Nobody()
    await service(nobody, models=("vad",), readiness_cache_seconds=0.0).meet()
    assert len(nobody.asked) == 3


async def test_only_expected_models_are_waited_for() -> None:
    readiness = await service(ScriptedTriton(), models=("vad",)).ready()
    assert readiness.ready
    assert readiness.errors == {"vad": None}
    with pytest.raises(SettingsError, match=r"triton\.models names vadd: there is only vad, "):
        service(ScriptedTriton(), models=("vadd",))


async def test_more_audio_than_the_model_takes_is_the_callers_fault() -> None:
    with pytest.raises(AudioError, match="at once"):
        await service(ScriptedTriton()).asked_by("cafe").embed_voice(np.zeros(31 * 16000, np.int16))


async def test_long_audio_travels_in_batches_of_bounded_size() -> None:
    triton = ScriptedTriton()
    voice = service(triton).asked_by("cafe")
    longest = SpeakerEmbeddingContract.sizes[-1]
    await asyncio.gather(*(voice.embed_voice(np.zeros(longest, np.int16)) for _ in range(6)))
    assert max(call.inputs["AUDIO"].nbytes for call in triton.asked) <= settings.Batching().max_bytes


def test_a_version_without_calibration_gives_no_probability() -> None:
    with pytest.raises(UnavailableError, match="calibration"):
        Manifest("m", "00").probability(0.5, 3, 3)


def test_a_manifest_brings_its_calibration() -> None:
    assert Manifest.parse(TEXT).probability(0.7, 1, 100) == pytest.approx(0.5)


@pytest.mark.parametrize("slope", ["steep", [], [1, None], {}, 10**400])
def test_a_calibration_that_cannot_be_read_makes_the_manifest_unreadable(slope: object) -> None:
    text = json.dumps({"model": "m", "identity": "00", "calibration": {"slope": slope, "intercept": 0}})
    with pytest.raises(UnavailableError, match="cannot be read"):
        Manifest.parse(text)
