"""Keeps Triton serving what the repository holds: loads what appears, falls back when the newest is broken, revives.

All loading happens in `tick`, one call at a time. A version whose load failed is not tried again until its folder or
config.pbtxt changes; meanwhile Triton goes on with the old one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.supervisor import Backoff
from docker.triton.admission import Admission
from docker.triton.endpoint import Endpoint, EndpointError
from docker.triton.last_good import LastGood, Served
from docker.triton.repository import StoredModel, scan

logger = logging.getLogger("model_keeper")

UNANSWERED_SECONDS = 30.0
UNANSWERED = f"no answer for {UNANSWERED_SECONDS:.0f} s"
# What 24.10 answers for a model whose Python stub died. It never starts another one, and calls the model ready.
DEAD_STUB = "Stub process '{model}_"


@dataclass(frozen=True)
class Revival:
    backoff: Backoff
    not_before: float


class ModelKeeper:
    """`required` is the provider that all models must run on but for those that ask for the CPU; None: any."""

    def __init__(
        self,
        endpoint: Endpoint,
        repository: Path,
        last_good: LastGood,
        admission: Admission,
        required: str | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._repository = repository
        self._admission = admission
        self._required = required
        self._last_good = last_good
        self._lock = threading.Lock()  # between a tick, which runs on a thread, and a start of the server
        self._told: dict[str, StoredModel] = {}  # what Triton was last told to load
        self._unchecked: set[str] = set()  # loaded by the server's start, outcome not yet seen
        self._failed: set[str] = set()  # the newest version could not be loaded
        self._probing: dict[str, float] = {}  # and since when
        self._dead: set[str] = set()
        self._complaints: dict[str, str] = {}
        self._revivals: dict[str, Revival] = {}

    def models_at_start(self) -> list[str]:
        """What a server that starts now is to load; the next tick looks at the outcome.

        Triton loads these side by side, so a model that calls another one waits for the tick. So does one of which a
        version is refused, for it takes a configuration of its own, or is to be tried first.
        """
        with self._lock:
            stored = {name: model for name, model in scan(self._repository).items() if not model.graphs}
            self._told = {name: each for name, each in stored.items() if self._admission.settled(name, each)}
            self._unchecked = set(self._told)
            self._failed.clear()
            return sorted(self._told)

    def waiting(self) -> set[str]:
        """Models whose probe has not been answered yet."""
        return set(self._probing)

    def tick(self) -> None:
        if not self._endpoint.is_live():
            return
        with self._lock:
            try:
                self._check_start()
                self._follow_repository()
                self._revive_dead()
                self._start_probes()
            except (EndpointError, OSError) as error:
                logger.warning("tick_failed reason=%r", str(error))

    def _check_start(self) -> None:
        if not self._unchecked:
            return
        index = self._endpoint.index()
        for model in sorted(self._unchecked):
            states = index.get(model, [])
            if any(state.ready for state in states):
                self._note_served(model)
            else:
                reason = next((state.reason for state in states if state.reason), "config.pbtxt was refused")
                self._note_failure(model, reason)
        self._unchecked.clear()

    def _follow_repository(self) -> None:
        stored = scan(self._repository)
        for model in sorted(self._told.keys() - stored.keys()):
            del self._told[model]
            self._unload(model)
        for model in sorted(stored, key=lambda name: (bool(stored[name].graphs), name)):
            if stored[model] != self._told.get(model):
                self._told[model] = stored[model]
                self._load(model)

    def _unload(self, model: str) -> None:
        self._failed.discard(model)
        self._last_good.forget(model)
        self._endpoint.unload(model)
        logger.info("model_unloaded model=%s", model)

    def _load(self, model: str) -> None:
        admitted = self._admission.decide(model, self._told[model])
        for version, reason in admitted.refused.items():
            logger.error("version_refused model=%s version=%d reason=%r", model, version, reason)
        if not admitted.versions:
            self._note_failure(model, "every version is refused")
            return
        try:
            self._endpoint.load(model, admitted.config)
        except EndpointError as error:
            self._note_failure(model, str(error))
        else:
            self._note_served(model)

    def _note_served(self, model: str) -> None:
        served = Served(self._ready_versions(model), self._endpoint.config(model))
        provider = self._admission.placed(model, served.config, self._required)
        self._failed.discard(model)
        self._last_good.save(model, served)
        logger.info("model_serves model=%s versions=%s provider=%s", model, list(served.versions), provider)
        # What could not be loaded because this model did not answer is tried again.
        for waiting in self._failed:
            if waiting in self._told and model in self._told[waiting].graphs:
                del self._told[waiting]

    def _note_failure(self, model: str, reason: str) -> None:
        self._failed.add(model)
        serving = self._ready_versions(model)
        newest = self._told[model].version_numbers[-1]
        logger.error("load_failed model=%s newest=%d still_serving=%s reason=%r", model, newest, serving, reason)
        if not serving:
            self._serve_last_good(model)

    def _serve_last_good(self, model: str) -> None:
        """After a restart a broken newest version leaves the model without any: Triton tries no older one itself."""
        good = self._last_good.load(model)
        stored = set(self._told[model].version_numbers)
        versions = [version for version in good.versions if version in stored] if good else []
        if good is None or not versions:
            logger.error(
                "model_not_served model=%s next=%r", model, "remove the broken version folder or add a newer one"
            )
            return
        try:
            self._endpoint.load(model, _pinned(good.config, versions))
        except EndpointError as error:
            logger.error("model_not_served model=%s last_good=%s reason=%r", model, versions, str(error))
        else:
            logger.warning("model_serves_last_good model=%s versions=%s", model, versions)

    def _ready_versions(self, model: str) -> list[int]:
        return sorted(state.version for state in self._endpoint.index().get(model, []) if state.ready)

    def _revive_dead(self) -> None:
        for model in sorted(self._dead):
            now = time.monotonic()
            revival = self._revivals.get(model, Revival(Backoff(), now))
            if now < revival.not_before:
                continue
            self._dead.discard(model)
            delay_seconds = revival.backoff.next_delay(now)
            self._revivals[model] = Revival(revival.backoff, now + delay_seconds)
            self._revive(model)

    def _revive(self, model: str) -> None:
        """Triton reloads only what changed, so the same versions are loaded with a parameter that did."""
        config = self._endpoint.config(model)
        parameters = {**config.get("parameters", {}), "revived_at": {"string_value": str(time.time_ns())}}
        versions = self._ready_versions(model)
        if not versions:
            return  # unloaded since the probe
        try:
            self._endpoint.load(model, _pinned({**config, "parameters": parameters}, versions))
        except EndpointError as error:
            logger.error("revival_failed model=%s versions=%s reason=%r", model, versions, str(error))
        else:
            logger.warning("model_revived model=%s versions=%s", model, versions)

    def _start_probes(self) -> None:
        """A probe waits for its answer however long (see endpoint.py), so each has a thread, and a model one probe."""
        index, now = self._endpoint.index(), time.monotonic()
        for model, since in list(self._probing.items()):
            if now - since > UNANSWERED_SECONDS and self._complaints.get(model) != UNANSWERED:
                self._complaints[model] = UNANSWERED
                logger.error("probe model=%s outcome=%r next=%r", model, UNANSWERED, "busy, or stands still")
        for model in sorted(self._told.keys() - self._probing.keys() - self._dead):
            if any(state.ready for state in index.get(model, [])):
                self._probing[model] = now
                threading.Thread(target=self._probe, args=(model,), name=f"probe {model}", daemon=True).start()

    def _probe(self, model: str) -> None:
        complaint = ""
        try:
            config = self._endpoint.config(model)
            if config.get("model_warmup"):
                self._endpoint.infer_zeros(model, config)
            else:
                complaint = "config.pbtxt has no model_warmup to probe with"
        except EndpointError as error:
            complaint = str(error)
        if DEAD_STUB.format(model=model) in complaint:
            self._dead.add(model)
        if complaint != self._complaints.get(model, ""):
            logger.warning("probe model=%s outcome=%r", model, complaint or "answers again")
        self._complaints[model] = complaint
        self._probing.pop(model, None)


def _pinned(config: dict[str, Any], versions: Sequence[int]) -> dict[str, Any]:
    return {**config, "version_policy": {"specific": {"versions": list(versions)}}}
