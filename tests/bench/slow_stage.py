"""The gateway in front of models whose capacity is known."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, free_ports, wait_until


@contextlib.contextmanager
def slow_gateway(call_seconds: float, settings: Mapping[str, str]) -> Iterator[GatewayAddress]:
    """Ready inside the block; each call of its recogniser takes so long, one at a time."""
    (port,) = free_ports(1)
    triton = subprocess.Popen([sys.executable, "-m", "tests.bench.slow_triton", str(port), str(call_seconds)], cwd=ROOT)
    before = {"GATEWAY_TRITON__MODELS": "[vad, asr]", "GATEWAY_TRITON__GRPC_PORT": str(port)}
    try:
        with TemporaryDirectory() as state, running_gateway(None, Path(state), before | dict(settings)) as gateway:
            wait_until(lambda: gateway.get("/health/ready")[0] == 200)
            workers = int(settings.get("GATEWAY_SERVER__WORKERS", "1"))
            wait_until(lambda: gateway.metric("gateway_workers") == workers)
            yield gateway
    finally:
        triton.kill()
        triton.wait()
