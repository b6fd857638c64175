"""What this machine computes on: the execution provider that a model gets here, and the card behind it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CPU, CUDA, TENSORRT = "cpu", "cuda", "tensorrt"
PROVIDERS = (CPU, CUDA, TENSORRT)
QUERY = ("nvidia-smi", "--query-gpu=name,memory.free", "--format=csv,noheader,nounits", "--id=0")
QUERY_SECONDS = 30.0


@dataclass(frozen=True)
class Card:
    name: str
    free_bytes: int


@dataclass(frozen=True)
class Host:
    """`card` is the first GPU that Triton would use; None where there is none."""

    card: Card | None = None

    def provider_of(self, config: Mapping[str, Any]) -> str:
        """Where Triton places a model with this configuration; without a kind on a GPU where there is one."""
        kinds = [group.get("kind", "KIND_AUTO") for group in config.get("instance_group", [])] or ["KIND_AUTO"]
        if all(kind == "KIND_CPU" for kind in kinds) or (self.card is None and "KIND_GPU" not in kinds):
            return CPU
        return TENSORRT if config.get("backend") == TENSORRT or TENSORRT in accelerators(config) else CUDA


def accelerators(config: Mapping[str, Any]) -> list[str]:
    stated = config.get("optimization", {}).get("execution_accelerators", {})
    return [str(each.get("name")) for each in stated.get("gpu_execution_accelerator", [])]


def look() -> Host:
    """Asks the driver's own tool, which is there wherever a container was given a GPU."""
    if shutil.which(QUERY[0]) is None:
        return Host()
    try:
        asked = subprocess.run(QUERY, capture_output=True, text=True, check=False, timeout=QUERY_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return Host()
    return Host(card(asked.stdout)) if asked.returncode == 0 else Host()


def card(answer: str) -> Card | None:
    name, _, free_mebibytes = answer.strip().partition("\n")[0].rpartition(", ")
    if not name or not free_mebibytes.strip().isdecimal():
        return None
    return Card(name.strip(), int(free_mebibytes) << 20)
