"""What a gateway holds, read from outside while it is at work."""

import contextlib
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.processor_time import resident_bytes, tree_seconds
from tests.gateway_server import GatewayAddress

_METRICS = ("gateway_tasks", "gateway_held_bytes", "gateway_spooled_bytes", "gateway_exports_bytes")


@dataclass(frozen=True)
class Reading:
    """At one moment; what all readings of a run have in common is that nothing of them may grow."""

    seconds: float
    resident_mb: float
    descriptors: int
    tasks: float
    held_bytes: float
    spooled_bytes: float
    exports_bytes: float
    connections: float
    shared_memory_bytes: int
    lag_p99_ms: float

    def beyond(self, before: "Reading") -> dict[str, float]:
        """By how much each of what must not grow did."""
        kinds = ("descriptors", "tasks", "held_bytes", "spooled_bytes", "exports_bytes", "shared_memory_bytes")
        then, now = asdict(before), asdict(self)
        return {kind: max(0.0, now[kind] - then[kind]) for kind in kinds}


def read(gateway: GatewayAddress, shared_memory: str) -> Reading:
    """`shared_memory` is what the names of Triton's files there begin with."""
    pids = gateway.worker_pids or [gateway.pid]
    samples = [line for line in gateway.get("/metrics")[1].decode().splitlines() if line[:1] != "#"]
    lines = {name: value for name, _, value in (line.rpartition(" ") for line in samples)}
    tasks, held, spooled, exports = (float(lines[name]) for name in _METRICS)
    return Reading(
        time.monotonic(),
        sum(map(resident_bytes, pids)) / 1e6,
        sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
        tasks,
        held,
        spooled,
        exports,
        sum(float(value) for name, value in lines.items() if name.startswith("gateway_connections{")),
        _shared_memory_bytes(shared_memory),
        _lag_p99_ms(lines),
    )


def processor_seconds(gateway: GatewayAddress, triton_pid: int) -> float:
    """Of both with all their children, and of this process."""
    return tree_seconds(gateway.pid) + tree_seconds(triton_pid) + time.process_time()


def _shared_memory_bytes(prefix: str) -> int:
    total = 0
    for path in Path("/dev/shm").glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_blocks * 512
    return total


def _lag_p99_ms(lines: dict[str, str]) -> float:
    """Since the start; the upper end of the bucket in which it lies."""
    name = "gateway_loop_lag_seconds_bucket{le="
    buckets = [(key[len(name) + 1 : -2], float(value)) for key, value in lines.items() if key.startswith(name)]
    total = buckets[-1][1]
    return 1000 * next(float(limit) for limit, count in buckets if count >= 0.99 * total)
