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

MANY_CONNECTIONS = {"GATEWAY_SERVER__MAX_CONNECTIONS": "20000"}


@contextlib.contextmanager
def null_gateway(workers: int = 1, tritons: int = 1) -> Iterator[GatewayAddress]:
    """Ready to serve inside the block."""
    settings = MANY_CONNECTIONS | {"GATEWAY_TRITON__MODELS": f"[{', '.join(SERVED)}]"}
    if workers > 1:
        settings["GATEWAY_SERVER__WORKERS"] = str(workers)
    with contextlib.ExitStack() as running, TemporaryDirectory() as state:
        ports = [running.enter_context(servers.null_triton()).port for _ in range(tritons)]
        endpoints = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        settings["GATEWAY_TRITON__ENDPOINTS"] = f"[{endpoints}]"
        with running_gateway(None, Path(state), settings) as gateway:
            wait_until(lambda: gateway.get("/health/ready")[0] == 200)
            wait_until(lambda: workers == 1 or gateway.metric("gateway_workers") == workers)
            yield gateway


def keep_to(pid: int, core: int) -> None:
    """All threads of the process run there, and those that they start."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
