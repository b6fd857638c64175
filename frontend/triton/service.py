"""The speech service over Triton: what many streams ask of a model in few calls, manifests, readiness."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from frontend.config import settings
from frontend.engines import serving
from frontend.errors import AudioError, ClientError, SettingsError
from frontend.speech import (
    ASR,
    LANGUAGE_ID,
    RATE,
    SPEAKER_EMBEDDING,
    VAD,
    WINDOW_SAMPLES,
    Decoding,
    LanguageProbabilities,
    Listener,
    Manifest,
    ModelRef,
    Probabilities,
    Readiness,
    Samples,
    Transcript,
    VadState,
    Voiceprint,
)
from frontend.telemetry.metrics import Metrics
from frontend.triton.answers import results_of, size_of
from frontend.triton.askers import Listening, Waiting, joint_id
from frontend.triton.client import TritonClient
from frontend.triton.inference import Inference, RefusedError
from frontend.triton.readiness import Manifests, Probes
from frontend.triton.tensors import CONTRACTS, Contract, Row, VadContract
from frontend.triton.turns import TurnOptions, Turns

_MAX_LANGUAGE_CHARACTERS = 35
_MEETINGS = 3
T = TypeVar("T")


class TritonSpeech:
    """What all connections share."""

    def __init__(self, client: TritonClient, options: settings.Settings, metrics: Metrics) -> None:
        self._client, self._options, self._metrics = client, options, metrics
        self.transcribing = 0
        self._contracts = {contract.name: contract for contract in CONTRACTS}
        if unknown := set(options.triton.models) - set(self._contracts):
            known = ", ".join(self._contracts)
            raise SettingsError(f"triton.models names {', '.join(sorted(unknown))}: there is only {known}")
        self._turns: dict[ModelRef, Turns] = {}
        self._manifests = Manifests()
        self._probes = Probes(client, options.triton, self._manifests, metrics)

    def asked_by(self, connection_id: str, urgent: bool = False) -> "ConnectionSpeech":
        """The service as one connection uses it, urgently where somebody speaks: its id begins that of requests."""
        return ConnectionSpeech(self, connection_id, urgent)

    def manifest(self, model: ModelRef) -> Manifest | None:
        return self._manifests.of(model.name)

    async def ask(self, model: ModelRef, row: Row, urgent: bool) -> Any:
        """The model's result for one row, which travels with those of other streams where they can be joined."""
        contract = self._contracts[model.name]
        size_of(contract, [row])
        if not contract.joins:
            (result,) = await self._call(model, contract, [row], urgent=urgent)
            return result
        waiting = Waiting(row, asyncio.get_running_loop().create_future())
        self.turns(model).ask(waiting)
        return await waiting.result

    def turns(self, model: ModelRef) -> Turns:
        if model not in self._turns:
            self._turns[model] = self._new_turns(model, self._contracts[model.name])
        return self._turns[model]

    def hurry(self) -> None:
        """The streams that listen have waited for each other already."""
        self.turns(VAD).hurry()

    async def ready(self) -> Readiness:
        """Whether an inference through every expected model succeeds; they are asked about once a second at most."""
        return await self._probes.ready()

    async def meet(self) -> None:
        """Know the models before anybody asks: on a busy machine one may not answer at once. Not for ever: without a
        Triton this process is to say so, as the others do."""
        for _ in range(_MEETINGS):
            await self.ready()
            if all(self.manifest(ModelRef(name)) for name in self._options.triton.models):
                return
            await asyncio.sleep(self._options.triton.readiness_cache_seconds)

    async def drain(self) -> None:
        for turns in list(self._turns.values()):
            await turns.drain()

    def _new_turns(self, model: ModelRef, contract: Contract) -> Turns:
        batching = self._options.batching
        batch_rows = self._metrics.batch_rows.labels(model.name)
        waits = self._metrics.batch_wait_seconds.labels(model.name)

        async def call(rows: Sequence[Row]) -> Sequence[Any]:
            return await self._call(model, contract, rows, permitted=True, urgent=True)

        queue, usual_seconds = self._metrics.pressure.queue_seconds, batching.wait_ms / 1000

        def observe(count: int, waited_seconds: float) -> None:
            batch_rows.observe(count)
            waits.observe(waited_seconds)
            if model == VAD:  # of the others people who speak ask little
                queue.observe(max(0.0, waited_seconds - usual_seconds))

        max_rows = max(1, getattr(batching, f"{model.name}_rows"))
        max_samples, give_up_seconds = batching.max_bytes // 2, self._options.triton.give_up_seconds
        options = TurnOptions(contract.sizes, max_rows, max_samples, usual_seconds, give_up_seconds)
        return Turns(call, self._client.permits(model), options, observe)

    async def _call(
        self,
        model: ModelRef,
        contract: Contract,
        rows: Sequence[Row],
        *,
        permitted: bool = False,
        urgent: bool = False,
    ) -> Sequence[Any]:
        try:
            inputs = contract.inputs(rows, size_of(contract, rows))
            inference = Inference(model, joint_id(rows), inputs, contract.outputs, urgent)
        except Exception:
            if permitted:  # no call begins that would use the permit
                self._client.permits(model).release()
            raise
        try:
            outputs = await self._client.infer(inference, permitted=permitted)
        except RefusedError as e:
            if contract.joins or not e.reason:
                raise
            raise ClientError(e.reason) from e  # nobody else's row is in the request
        results = results_of(contract, rows, outputs)
        # With several Tritons it is told by who looks at all of them which version is the one that serves.
        if "MANIFEST" in contract.outputs and not model.version and len(self._client.addresses) == 1:
            self._manifests.learn(model.name, contract.manifest(outputs))
        return results


class ConnectionSpeech:
    """A SpeechService bound to one connection."""

    def __init__(self, shared: TritonSpeech, connection_id: str, urgent: bool = False) -> None:
        self._shared, self._connection_id, self._urgent = shared, connection_id, urgent
        self._numbers = itertools.count(1)

    def manifest(self, model: ModelRef) -> Manifest | None:
        return self._shared.manifest(model)

    async def speech_probabilities(
        self, samples: Samples, state: VadState, model: ModelRef = VAD
    ) -> tuple[Probabilities, VadState]:
        step = VadContract.sizes[-1]
        whole = len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES
        parts = [np.zeros(0, np.float32)]
        for start in range(0, whole, step):
            row = Row(self._next_id(), samples[start : min(start + step, whole)], state)
            probabilities, state = await self._shared.ask(model, row, self._urgent)
            parts.append(probabilities)
        return np.concatenate(parts), state

    def listen(self, listener: Listener) -> None:
        self._shared.turns(VAD).ask(Listening(listener, self._next_id()))

    async def embed_voice(self, samples: Samples, model: ModelRef = SPEAKER_EMBEDDING) -> Voiceprint:
        voiceprint: Voiceprint = await self._shared.ask(model, Row(self._next_id(), samples), self._urgent)
        return voiceprint

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        self._check(samples, decoding, model)
        self._shared.transcribing += 1
        try:
            row = Row(self._next_id(), samples, decoding=decoding)
            transcript: Transcript = await self._shared.ask(model, row, self._urgent)
        finally:
            self._shared.transcribing -= 1
        return transcript

    @property
    def transcribing(self) -> int:
        return self._shared.transcribing

    async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities:
        probabilities: LanguageProbabilities = await self._shared.ask(
            model, Row(self._next_id(), samples), self._urgent
        )
        return probabilities

    def _check(self, samples: Samples, decoding: Decoding, model: ModelRef) -> None:
        """Refuse what the model is known not to do, without asking it."""
        manifest = self.manifest(model)
        if manifest is None:
            return
        if decoding.language and manifest.languages and decoding.language not in manifest.languages:
            raise ClientError(f"unsupported language: {decoding.language[:_MAX_LANGUAGE_CHARACTERS]}")
        if manifest.tasks and decoding.task not in manifest.tasks:
            raise ClientError(f"the model {model.name} does not {decoding.task}")
        if manifest.engines and serving(manifest.engines, decoding.language, decoding.task) is None:
            raise ClientError(f"the model {model.name} does not {decoding.task} the language {decoding.language}")
        engine = manifest.engine(decoding.language, decoding.task)
        if len(samples) > engine.max_seconds * RATE:
            raise AudioError(f"the model {model.name} takes {engine.max_seconds:g} s at once, not more")

    def _next_id(self) -> str:
        return f"{self._connection_id}-{next(self._numbers)}"
