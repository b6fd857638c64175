"""What a process that serves alone says where nobody can watch it; that it is ended is tested with a gateway."""

import os
import subprocess
import sys

import pytest

from frontend.workers import watchman
from tests.triton_server import ROOT

WATCHMAN_THAT_FAILS = """
import time
from frontend.workers import pulse, watchman

async def fails(*_):
    raise OSError("gone")

pulse.Pulse.watch = fails
watchman.watched(1.0)
time.sleep(60)
"""


def test_process_1_of_a_container_says_that_nobody_can_end_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("there is nothing that a watchman could do"))
    watchman.watched(1.0)
    assert "process 1 of a container cannot be ended from within" in caplog.text


def test_a_watchman_that_fails_says_so() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WATCHMAN_THAT_FAILS], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stderr is not None
        said = serving.stderr.readline()
        serving.kill()
    assert "the watchman failed" in said
