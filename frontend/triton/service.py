"""The speech service over Triton: what many streams ask of a model in few calls, manifests, readiness."""

import asyncio
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from frontend.config import settings
from frontend.engines import reachable, serving
from frontend.errors import AudioError, ClientError, DeadlineError, GatewayError, SettingsError
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
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.triton.answers import check_finite, checked, results_of, size_of
from frontend.triton.askers import Listening, Waiting, joint_id
from frontend.triton.client import Inference, RefusedError, TritonClient
from frontend.triton.placement import Placements
from frontend.triton.tensors import CONTRACTS, Arrays, Contract, Row, VadContract
from frontend.triton.turns import TurnOptions, Turns

_PROBE_SECONDS = 5.0
_MAX_LANGUAGE_CHARACTERS = 35
T = TypeVar("T")


class TritonSpeech:
    """What all connections share."""

    def __init__(self, client: TritonClient, options: settings.Settings, metrics: Metrics) -> None:
        self._client, self._options, self._metrics = client, options, metrics
        self._log = Log("models")
        self.transcribing = 0
        self._contracts = {contract.name: contract for contract in CONTRACTS}
        if unknown := set(options.triton.models) - set(self._contracts):
            known = ", ".join(self._contracts)
            raise SettingsError(f"triton.models names {', '.join(sorted(unknown))}: there is only {known}")
        self._answered_seconds: dict[str, float] = {}
        self._turns: dict[ModelRef, Turns] = {}
        self._manifests: dict[str, Manifest] = {}
        self._placements = Placements(client, metrics)
        self._readiness: tuple[float, Readiness] | None = None
        self._probing: asyncio.Task[Readiness] | None = None

    def asked_by(self, connection_id: str) -> "ConnectionSpeech":
        """The service as one connection uses it: its id begins the id of every request."""
        return ConnectionSpeech(self, connection_id)

    def manifest(self, model: ModelRef) -> Manifest | None:
        return self._manifests.get(model.name)

    async def ask(self, model: ModelRef, row: Row) -> Any:
        """The model's result for one row, which travels with those of other streams where they can be joined."""
        contract = self._contracts[model.name]
        size_of(contract, [row])
        if not contract.joins:
            (result,) = await self._call(model, contract, [row])
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
        now = asyncio.get_running_loop().time()
        if self._readiness and now - self._readiness[0] < self._options.triton.readiness_cache_seconds:
            return self._readiness[1]
        if self._probing is None:
            self._probing = asyncio.get_running_loop().create_task(self._probe_all())
        return await asyncio.shield(self._probing)

    async def drain(self) -> None:
        for turns in list(self._turns.values()):
            await turns.drain()

    def _new_turns(self, model: ModelRef, contract: Contract) -> Turns:
        batching = self._options.batching
        batch_rows = self._metrics.batch_rows.labels(model.name)
        waits = self._metrics.batch_wait_seconds.labels(model.name)

        async def call(rows: Sequence[Row]) -> Sequence[Any]:
            return await self._call(model, contract, rows, permitted=True)

        def observe(count: int, waited_seconds: float) -> None:
            batch_rows.observe(count)
            waits.observe(waited_seconds)

        max_rows = max(1, getattr(batching, f"{model.name}_rows"))
        options = TurnOptions(contract.sizes, max_rows, batching.max_bytes // 2, batching.wait_ms / 1000)
        return Turns(call, self._client.permits(model), options, observe)

    async def _call(
        self, model: ModelRef, contract: Contract, rows: Sequence[Row], *, permitted: bool = False
    ) -> Sequence[Any]:
        inputs = contract.inputs(rows, size_of(contract, rows))
        inference = Inference(model, joint_id(rows), inputs, contract.outputs)
        try:
            outputs = await self._client.infer(inference, permitted=permitted)
        except RefusedError as e:
            if contract.joins or not e.reason:
                raise
            raise ClientError(e.reason) from e  # nobody else's row is in the request
        results = results_of(contract, rows, outputs)
        if "MANIFEST" in contract.outputs:
            self._learn(model, contract.manifest(outputs))
        self._answered_seconds[model.name] = asyncio.get_running_loop().time()
        return results

    def _learn(self, model: ModelRef, manifest: Manifest) -> None:
        known = self._manifests.get(model.name)
        if not model.version and (known is None or known.identity != manifest.identity):
            self._log.info("model serves", model=model.name, identity=manifest.identity)
            self._manifests[model.name] = manifest

    async def _probe_all(self) -> Readiness:
        try:
            names = self._options.triton.models
            answers = await asyncio.gather(*(self._probe(self._contracts[name]) for name in names))
            errors = dict(zip(names, answers, strict=True))
            readiness = Readiness(errors, await self._probe_engines(), self._placements.known())
            for name, error in readiness.errors.items():
                others = readiness.engines.values() if name == ASR.name else ()
                self._metrics.model_ready.labels(name).set(not any((error, *others)))
            self._readiness = (asyncio.get_running_loop().time(), readiness)
            return readiness
        finally:
            self._probing = None

    async def _probe_engines(self) -> dict[str, str | None]:
        """Each by a language that it alone serves; an only engine was probed already."""
        manifest = self._manifests.get(ASR.name) if ASR.name in self._options.triton.models else None
        asked = reachable(manifest.engines) if manifest else {}
        if len(asked) < 2:
            return {}
        contract, usual = self._contracts[ASR.name], self._contracts[ASR.name].probe.decoding
        decodings = [dataclasses.replace(usual, language=known, task=task) for known, task in asked.values()]
        errors = [await self._probe(contract, contract.probe._replace(decoding=each)) for each in decodings]
        return dict(zip(asked, errors, strict=True))

    async def _probe(self, contract: Contract, row: Row | None = None) -> str | None:
        model, row, outputs = ModelRef(contract.name), row or contract.probe, (contract.outputs[0], "MANIFEST")
        inference = Inference(model, row.request_id, contract.inputs([row], len(row.samples)), outputs)
        began_seconds = asyncio.get_running_loop().time()
        try:
            got: Arrays = await self._client.attempt(inference, _PROBE_SECONDS)
            manifest = checked(contract, lambda: contract.manifest(got))
            self._learn(model, manifest)
            check_finite(contract, got)
            await self._placements.look(contract.name, manifest)
        except DeadlineError as e:
            # A model that answers others meanwhile is busy, not out of order.
            return str(e) if self._answered_seconds.get(contract.name, -1.0) < began_seconds else None
        except GatewayError as e:
            return str(e)
        return None


class ConnectionSpeech:
    """A SpeechService bound to one connection."""

    def __init__(self, shared: TritonSpeech, connection_id: str) -> None:
        self._shared = shared
        self._connection_id = connection_id
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
            probabilities, state = await self._shared.ask(model, row)
            parts.append(probabilities)
        return np.concatenate(parts), state

    def listen(self, listener: Listener) -> None:
        self._shared.turns(VAD).ask(Listening(listener, self._next_id()))

    async def embed_voice(self, samples: Samples, model: ModelRef = SPEAKER_EMBEDDING) -> Voiceprint:
        voiceprint: Voiceprint = await self._shared.ask(model, Row(self._next_id(), samples))
        return voiceprint

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        self._check(samples, decoding, model)
        self._shared.transcribing += 1
        try:
            transcript: Transcript = await self._shared.ask(model, Row(self._next_id(), samples, decoding=decoding))
        finally:
            self._shared.transcribing -= 1
        return transcript

    @property
    def transcribing(self) -> int:
        return self._shared.transcribing

    async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities:
        probabilities: LanguageProbabilities = await self._shared.ask(model, Row(self._next_id(), samples))
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
