"""The section of Triton: where it is, or several are, and how long they are waited for."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Triton:
    host: str = "127.0.0.1"
    grpc_port: int = 8001
    endpoints: tuple[str, ...] = ()
    resolve_seconds: float = 5.0
    silent_seconds: float = 2.0
    http_port: int = 8010
    metrics_port: int = 8002
    models: tuple[str, ...] = ("vad", "speaker_embedding", "asr", "language_id")
    max_in_flight: int = 4
    asr_in_flight: int = 16
    attempt_seconds: float = 10.0
    asr_attempt_seconds: float = 120.0
    give_up_seconds: float = 60.0
    cancel_calls: bool = False
    readiness_cache_seconds: float = 1.0

    @property
    def targets(self) -> Sequence[tuple[str, int]]:
        """Host and port of each Triton; ValueError where `endpoints` has something else."""
        return [_target(each, self.grpc_port) for each in self.endpoints] or [(self.host, self.grpc_port)]


def _target(endpoint: str, port: int) -> tuple[str, int]:
    """Host and port of host, host:port, [::1]:port or ::1."""
    host, separator, number = endpoint.rpartition(":")
    if not separator or (":" in host and not host.endswith("]")):  # no port, or an IPv6 address alone
        host, number = endpoint, str(port)
    host = host.removeprefix("[").removesuffix("]")
    try:
        if ":" in host:
            ipaddress.IPv6Address(host)
    except ValueError:
        host = ""
    if not host or set(host) & set("/@ [],") or not number.isdecimal() or not 0 < int(number) < 65536:
        raise ValueError(f"{endpoint!r} is neither a host nor host:port")
    return host, int(number)
