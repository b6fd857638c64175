"""A process that serves alone, and the child that watches it."""

import os
import signal
from pathlib import Path

from tests.gateway_server import children, running_gateway
from tests.triton_server import wait_until


def test_a_process_that_serves_alone_and_hangs_is_ended(tmp_path: Path) -> None:
    with running_gateway(None, tmp_path, {"GATEWAY_SERVER__HUNG_SECONDS": "2"}) as gateway:
        (watchman,) = children(gateway.pid, "frontend")
        os.kill(gateway.pid, signal.SIGSTOP)
        wait_until(lambda: not Path(f"/proc/{watchman}").exists())
        assert gateway.get("/health/live")[0] == 0, "whoever keeps it running sees that it has ended"
        assert gateway.log_file.read_text().count(f"worker hung pid={gateway.pid} ") == 1


def test_a_watchman_is_nothing_that_a_drain_waits_for(tmp_path: Path) -> None:
    with running_gateway(None, tmp_path) as gateway:
        (watchman,) = children(gateway.pid, "frontend")
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(watchman, number)
        os.kill(gateway.pid, signal.SIGINT)
        wait_until(lambda: not Path(f"/proc/{watchman}").exists())
        assert "gateway: stopped" in gateway.log_file.read_text()
