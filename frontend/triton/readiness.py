"""Whether an inference through every model succeeds, at each Triton, and what the versions there say of themselves."""

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

from frontend.config import settings
from frontend.engines import reachable
from frontend.errors import DeadlineError, GatewayError
from frontend.speech import ASR, Manifest, ModelRef, Readiness
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.triton.answers import check_finite, checked
from frontend.triton.inference import Inference
from frontend.triton.placement import Placements
from frontend.triton.tensors import CONTRACTS, Arrays, Contract, Row

_PROBE_SECONDS = 5.0


class Asked(Protocol):
    """Who is asked: Triton's client."""

    @property
    def addresses(self) -> Sequence[str]: ...

    async def attempt(self, inference: Inference, timeout_seconds: float, address: str) -> Arrays: ...

    async def provider(self, model: str, timeout_seconds: float, address: str) -> str: ...

    def answered_since(self, model: str, address: str, began_seconds: float) -> bool: ...

    def answers_as(self, model: str, address: str, identity: str) -> str:
        """Which version answers there; the one that serves now."""
        ...

    def judge(self, model: str, address: str, error: str | None) -> None: ...


class Manifests:
    """What the versions that serve said of themselves."""

    def __init__(self) -> None:
        self._log = Log("models")
        self._known: dict[str, Manifest] = {}

    def of(self, model: str) -> Manifest | None:
        return self._known.get(model)

    def learn(self, model: str, manifest: Manifest) -> None:
        known = self._known.get(model)
        if known is None or known.identity != manifest.identity:
            self._log.info("model serves", model=model, identity=manifest.identity)
            self._known[model] = manifest


class Probes:
    """Asks every model at each Triton, about once a second at most, however many want to know."""

    def __init__(self, client: Asked, options: settings.Triton, manifests: Manifests, metrics: Metrics) -> None:
        self._client, self._options, self._manifests, self._metrics = client, options, manifests, metrics
        self._contracts = [contract for contract in CONTRACTS if contract.name in options.models]
        self._placements = Placements(client, metrics)
        self._readiness: tuple[float, Readiness] | None = None
        self._probing: asyncio.Task[Readiness] | None = None

    async def ready(self) -> Readiness:
        now = asyncio.get_running_loop().time()
        if self._readiness and now - self._readiness[0] < self._options.readiness_cache_seconds:
            return self._readiness[1]
        if self._probing is None:
            self._probing = asyncio.get_running_loop().create_task(self._probe_all())
        return await asyncio.shield(self._probing)

    async def _probe_all(self) -> Readiness:
        try:
            addresses = self._client.addresses
            found = await asyncio.gather(*(self._probe_endpoint(address) for address in addresses))
            errors = _joined([models for models, _ in found])
            readiness = Readiness(
                {name: errors[name] for name in self._options.models},
                _joined([engines for _, engines in found]),
                self._placements.known(),
                {address: models for address, (models, _) in zip(addresses, found, strict=True)},
            )
            for name, error in readiness.errors.items():
                others = readiness.engines.values() if name == ASR.name else ()
                self._metrics.model_ready.labels(name).set(not any((error, *others)))
            self._readiness = (asyncio.get_running_loop().time(), readiness)
            return readiness
        finally:
            self._probing = None

    async def _probe_endpoint(self, address: str) -> tuple[Mapping[str, str | None], Mapping[str, str | None]]:
        """Of one Triton what is wrong with each model, and with each engine of its recogniser."""
        answers = await asyncio.gather(*(self._probe(each, address) for each in self._contracts))
        errors = {each.name: error for each, error in zip(self._contracts, answers, strict=True)}
        return errors, await self._probe_engines(address)

    async def _probe_engines(self, address: str) -> dict[str, str | None]:
        """Each by a language that it alone serves; an only engine was probed already."""
        manifest = self._manifests.of(ASR.name) if ASR.name in self._options.models else None
        asked = reachable(manifest.engines) if manifest else {}
        if len(asked) < 2:
            return {}
        contract = next(each for each in self._contracts if each.name == ASR.name)
        usual = contract.probe.decoding
        decodings = [dataclasses.replace(usual, language=known, task=task) for known, task in asked.values()]
        rows = [contract.probe._replace(decoding=each) for each in decodings]
        errors = [await self._error_of(contract, row, address) for row in rows]
        return dict(zip(asked, errors, strict=True))

    async def _probe(self, contract: Contract, address: str) -> str | None:
        error = await self._error_of(contract, contract.probe, address)
        self._client.judge(contract.name, address, error)
        return error

    async def _error_of(self, contract: Contract, row: Row, address: str) -> str | None:
        outputs = (contract.outputs[0], "MANIFEST")
        inference = Inference(
            ModelRef(contract.name), row.request_id, contract.inputs([row], len(row.samples)), outputs
        )
        began_seconds = asyncio.get_running_loop().time()
        try:
            got = await self._client.attempt(inference, _PROBE_SECONDS, address)
            manifest = checked(contract, lambda: contract.manifest(got))
            if self._client.answers_as(contract.name, address, manifest.identity) == manifest.identity:
                self._manifests.learn(contract.name, manifest)
            check_finite(contract, got)
            await self._placements.look(contract.name, manifest, address)
        except DeadlineError as e:
            # A model that answers others meanwhile is busy, not out of order.
            return None if self._client.answered_since(contract.name, address, began_seconds) else str(e)
        except GatewayError as e:
            return str(e)
        return None


def _joined(found: Sequence[Mapping[str, str | None]]) -> dict[str, str | None]:
    """Something is in order where it is at one of them; else the first one's error."""
    joined: dict[str, str | None] = {}
    for errors in found:
        for name, error in errors.items():
            if name not in joined or error is None:
                joined[name] = error
    return joined
