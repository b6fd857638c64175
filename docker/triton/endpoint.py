"""Triton's HTTP endpoint as the launcher uses it: liveness, the model index, load and unload, one inference of zeros.

An inference is never abandoned: 24.10 aborts when a client closes the connection of a running one. Hence those calls
have no deadline, and they end at the latest when the server does.
"""

from __future__ import annotations

import http.client
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ELEMENT_BYTES = {
    "BOOL": 1, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "FP16": 2, "BF16": 2, "UINT32": 4, "INT32": 4, "FP32": 4,
    "UINT64": 8, "INT64": 8, "FP64": 8, "BYTES": 4,
}  # fmt: skip
LOAD_SECONDS = 1800.0  # an engine may be built while it loads
QUERY_SECONDS = 5.0


class EndpointError(Exception):
    """Triton refused, or did not answer. The text is Triton's own, in one line."""


@dataclass(frozen=True)
class VersionState:
    version: int
    ready: bool
    reason: str


@dataclass(frozen=True)
class Endpoint:
    host: str
    port: int

    def is_live(self) -> bool:
        try:
            self._call("GET", "/v2/health/live")
        except EndpointError:
            return False
        return True

    def index(self) -> dict[str, list[VersionState]]:
        """Each model of the repository with what became of its versions; one that was never loaded has none."""
        states: dict[str, list[VersionState]] = {}
        for entry in json.loads(self._call("POST", "/v2/repository/index", b"{}")):
            versions = states.setdefault(entry["name"], [])
            if entry.get("version"):
                state = VersionState(
                    int(entry["version"]), entry["state"] == "READY", one_line(entry.get("reason", ""))
                )
                versions.append(state)
        return states

    def config(self, model: str) -> dict[str, Any]:
        config: dict[str, Any] = json.loads(self._call("GET", f"/v2/models/{model}/config"))
        return config

    def finished(self, model: str) -> int:
        """Executions that ended, however they did; a model that works has more of them after a while."""
        versions = json.loads(self._call("GET", f"/v2/models/{model}/stats"))["model_stats"]
        counts = [version.get("inference_stats", {}) for version in versions]
        return sum(int(each.get(way, {}).get("count", 0)) for each in counts for way in ("success", "fail"))

    def load(self, model: str, config: Mapping[str, Any] | None = None) -> None:
        """Loads what the model's folder holds, or serves it by the given configuration instead of its config.pbtxt."""
        parameters = {"parameters": {"config": json.dumps(config)}} if config else {}
        self._call("POST", f"/v2/repository/models/{model}/load", json.dumps(parameters).encode(), seconds=LOAD_SECONDS)

    def unload(self, model: str) -> None:
        self._call("POST", f"/v2/repository/models/{model}/unload", b"{}", seconds=LOAD_SECONDS)

    def infer_zeros(self, model: str, config: Mapping[str, Any]) -> None:
        """One real inference with the shapes of the model's first warm-up sample."""
        sample = config["model_warmup"][0]
        rows = [max(1, int(sample.get("batch_size", 1)))] if int(config["max_batch_size"]) else []
        tensors = [
            _zero_tensor(name, tensor["data_type"], rows + [int(size) for size in tensor["dims"]])
            for name, tensor in sample["inputs"].items()
        ]
        request = {"inputs": [header for header, _size in tensors], "parameters": {"binary_data_output": True}}
        head = json.dumps(request).encode()
        body = head + bytes(sum(size for _header, size in tensors))
        headers = {"Inference-Header-Content-Length": str(len(head))}
        self._call("POST", f"/v2/models/{model}/infer", body, headers=headers, seconds=None)

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = QUERY_SECONDS,
    ) -> bytes:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise EndpointError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise EndpointError(_reason(content) or f"{method} {path}: HTTP {response.status}")
        return content


def one_line(text: str) -> str:
    """Triton's reasons carry a traceback; its first line says what happened."""
    return text.strip().partition("\n")[0]


def _reason(content: bytes) -> str:
    try:
        return one_line(str(json.loads(content)["error"]))
    except (ValueError, KeyError, TypeError):
        return ""


def _zero_tensor(name: str, data_type: str, shape: list[int]) -> tuple[dict[str, Any], int]:
    kind = data_type.removeprefix("TYPE_").replace("STRING", "BYTES")
    size_bytes = math.prod(shape) * ELEMENT_BYTES[kind]  # an empty string is its length, four zero bytes
    header = {"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": size_bytes}}
    return header, size_bytes
