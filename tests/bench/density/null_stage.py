"""The gateway in front of models that take no time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.density import servers
from tests.bench.density.null_models import SERVED
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import wait_until


@contextlib.contextmanager
def null_gateway(workers: int = 1) -> Iterator[GatewayAddress]:
    """Ready to serve inside the block."""
    settings = {"GATEWAY_TRITON__MODELS": f"[{', '.join(SERVED)}]", "GATEWAY_SERVER__MAX_CONNECTIONS": "4000"}
    if workers > 1:
        settings["GATEWAY_SERVER__WORKERS"] = str(workers)
    with servers.null_triton() as triton, TemporaryDirectory() as state:
        settings["GATEWAY_TRITON__GRPC_PORT"] = str(triton.port)
        with running_gateway(None, Path(state), settings) as gateway:
            wait_until(lambda: gateway.get("/health/ready")[0] == 200)
            wait_until(lambda: workers == 1 or gateway.metric("gateway_workers") == workers)
            yield gateway


def keep_to(pid: int, core: int) -> None:
    """All threads of the process run there, and those that they start."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
