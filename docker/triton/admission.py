"""Which versions of a model Triton is told to load: those that it could not serve here are refused before it sees them.

One bad version would take down the whole model: Triton loads all that the policy chooses or none. NVIDIA's backends
cannot be guarded otherwise, and a failing load or warm-up has ended that server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.triton import configuration
from docker.triton.agreement import disagreement
from docker.triton.configuration import ConfigurationError
from docker.triton.graph_file import GraphFile, GraphFileError
from docker.triton.host import CPU, Card, Host, accelerators
from docker.triton.repository import StoredModel
from docker.triton.trial import Trial

# What the oldest supported ONNX Runtime reads (see releases.py); tests/matrix finds both limits anew.
LATEST_OPSET, LATEST_FORMAT = 22, 10
GRAPH_FILE, PLAN_FILE, MANIFEST_FILE = "model.onnx", "model.plan", "manifest.json"
# What runs inside NVIDIA's server; a Python backend has a process of its own.
TRIED_BACKENDS = ("onnxruntime", "tensorrt")
# Beside its weights a model needs room for what it computes with.
ROOM = 1.5
ANEW = "publish it anew with `python -m export`"


@dataclass(frozen=True)
class Admitted:
    """`config` is what Triton is to serve the model by; None: its config.pbtxt as it is."""

    versions: Sequence[int]
    config: dict[str, Any] | None = None
    refused: Mapping[int, str] = field(default_factory=dict)


class MisplacedError(Exception):
    """A model runs on something else than what is required. The text says what to do."""


@dataclass(frozen=True)
class Admission:
    """`trial`: where the server has no guard of its own against a warm-up that fails."""

    repository: Path
    look: Callable[[], Host]
    trial: Trial | None = None

    def settled(self, model: str, stored: StoredModel) -> bool:
        """Whether the server may load it as it starts: nothing is to be refused or tried first."""
        config = self._configuration(model, stored)
        if config is None:
            return True
        tried = self._tries(config)
        chosen = policy(config, stored.version_numbers)
        if tried is not None and not all(tried.passed(model, number) for number in chosen):
            return False
        return not self.decide(model, stored).refused

    def decide(self, model: str, stored: StoredModel) -> Admitted:
        config = self._configuration(model, stored)
        if config is None:
            return Admitted(stored.version_numbers)
        host = self.look()
        numbers, refused = stored.version_numbers, dict[int, str]()
        while True:
            chosen = policy(config, [number for number in numbers if number not in refused])
            reasons = {number: self.refusal(model, number, config, host) for number in chosen}
            found = {number: reason for number, reason in reasons.items() if reason}
            if not found:
                break
            refused |= found
        if not refused:
            return Admitted(numbers)
        pinned = {**config, "version_policy": {"specific": {"versions": list(chosen)}}}
        return Admitted(chosen, pinned, refused)

    def placed(self, model: str, resolved: Mapping[str, Any], required: str | None) -> str:
        """The provider that Triton gave a model, as its resolved configuration says; raises where another is required.

        Left to itself Triton serves on the CPU, without a word, what finds no card that it can use.
        """
        provider = self.look().provider_of(resolved)
        if required not in (None, provider) and not asks_for_cpu(self.repository / model / "config.pbtxt"):
            raise MisplacedError(
                f"{model} runs on {provider} and {required} is required: its instance_group or accelerators in "
                f"config.pbtxt say otherwise, or Triton cannot use the card (its log says why)"
            )
        return provider

    def refusal(self, model: str, version: int, config: Mapping[str, Any], host: Host) -> str | None:
        """Why this version cannot be served here, and what to do; None where nothing speaks against it."""
        folder = self.repository / model / str(version)
        manifest = _manifest(folder)
        on = host.provider_of(config)
        made_for = manifest.get("providers")
        if isinstance(made_for, list) and on not in made_for:
            return f"it is for {' or '.join(map(str, made_for))} and {model} runs on {on} here: publish one for {on}"
        if on != CPU and host.card is None:
            return f"it is to run on {on} and there is no NVIDIA GPU: see what `nvidia-smi` says"
        problem = self._graph_problem(model, folder, config)
        if problem is None and on != CPU and host.card:
            problem = _card_problem(folder, manifest, host.card)
        tried = self._tries(config)
        return tried.problem(model, version) if problem is None and tried is not None else problem

    def _configuration(self, model: str, stored: StoredModel) -> Mapping[str, Any] | None:
        """None for one that Triton will refuse: what is wrong with it Triton says better."""
        try:
            config = configuration.read(self.repository / model / "config.pbtxt")
            for asked in (Host().provider_of, accelerators, lambda each: policy(each, stored.version_numbers)):
                asked(config)
        except (AttributeError, TypeError, ValueError):  # fields of another kind than theirs
            return None
        return config

    def _tries(self, config: Mapping[str, Any]) -> Trial | None:
        return self.trial if config.get("backend") in TRIED_BACKENDS else None

    def _graph_problem(self, model: str, folder: Path, config: Mapping[str, Any]) -> str | None:
        path = folder / str(config.get("default_model_filename") or GRAPH_FILE)
        if config.get("backend") != "onnxruntime" or not path.is_file():
            return None
        try:
            graph = GraphFile.read(path)
        except GraphFileError as error:
            return f"{error}: {ANEW}"
        if graph.opset > LATEST_OPSET or graph.format_version > LATEST_FORMAT:
            return (
                f"its graph has opset {graph.opset} in format {graph.format_version}, and every supported ONNX Runtime "
                f"knows {LATEST_OPSET} and {LATEST_FORMAT}: {ANEW}"
            )
        try:
            problem = disagreement(model, config, graph.signature)
        except (AttributeError, LookupError, TypeError, ValueError):  # as above: Triton says it better
            return None
        return problem and f"{problem}: {ANEW}"


def asks_for_cpu(path: Path) -> bool:
    try:
        groups = configuration.read(path).get("instance_group", [])
    except ConfigurationError:
        return False
    return bool(groups) and all(group.get("kind") == "KIND_CPU" for group in groups)


def policy(config: Mapping[str, Any], numbers: Sequence[int]) -> list[int]:
    """The versions that version_policy chooses of these, which ascend."""
    stated = config.get("version_policy") or {}
    if "all" in stated:
        return list(numbers)
    if "specific" in stated:
        wanted = set(stated["specific"].get("versions", []))
        return [number for number in numbers if number in wanted]
    return list(numbers[-int(stated.get("latest", {}).get("num_versions", 1)) :])


def _card_problem(folder: Path, manifest: Mapping[str, Any], card: Card) -> str | None:
    made_on = manifest.get("gpu")
    if (folder / PLAN_FILE).is_file() and made_on != card.name:
        return f"its plan is for {made_on or 'an unknown card'} and this is {card.name}: {ANEW} on this machine"
    needed = ROOM * sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    if needed > card.free_bytes:
        return (
            f"it needs {needed / 2**20:.0f} MiB of the GPU's memory and {card.free_bytes / 2**20:.0f} are free: "
            "free some (`nvidia-smi` says who has it) or serve a smaller model"
        )
    return None


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
