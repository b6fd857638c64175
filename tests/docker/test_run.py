"""`make run` as a process: real launcher and Triton, a tiny repository, and a stand-in for the gateway."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from docker.stack import rotate
from docker.triton.launcher import remove_shared_memory, shared_memory_prefix
from frontend.client import command
from frontend.config.settings import Settings
from tests.docker import tiny_models
from tests.triton_server import ROOT, child_pids, free_ports, wait_until

PORT_KEYS = (
    *(f"PORTS__{name.upper()}" for name in Settings().port_numbers),
    "TRITON__GRPC_PORT", "TRITON__HTTP_PORT", "TRITON__METRICS_PORT",
)  # fmt: skip
PROGRAM = """
import os, sys
from docker.run import Programs, main
gateway = os.environ.get("STAND_IN", "tests.docker.stand_in_gateway")
export = [sys.executable, "-c", "import sys; sys.exit('no weights' if 'unmade' in sys.argv[-1] else 0)"]
sys.exit(main(sys.argv[1:], Programs(export, [sys.executable, "-m", gateway])))
"""


@dataclass(frozen=True)
class Run:
    process: subprocess.Popen[bytes]
    output_file: Path
    ports: dict[str, int]

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    def pids(self, name: str) -> list[int]:
        """Every process that was started under this name, oldest first."""
        return [int(pid) for pid in re.findall(rf"child_started name={name} pid=(\d+)", self.output)]

    def wait_ready(self) -> None:
        """And has said so to the last line."""
        wait_until(lambda: "\n  stop " in self.output.partition("\nready in ")[2], 60, lambda: self.output)


@contextmanager
def make_run(tmp_path: Path, *arguments: str, repository: str = "repository", **environment: str) -> Iterator[Run]:
    tiny_models.publish_model(tmp_path / repository, "adder", tiny_models.ADDER, tiny_models.adder(1.0))
    ports = dict(zip(PORT_KEYS, free_ports(len(PORT_KEYS)), strict=True))
    variables = {**os.environ, **{f"GATEWAY_{key}": str(port) for key, port in ports.items()}, **environment}
    command = [sys.executable, "-c", PROGRAM, f"--var={tmp_path / 'var'}", "--repository", str(tmp_path / repository)]
    command += arguments
    output_file = tmp_path / "output"
    with output_file.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=output, stderr=output)
    try:
        yield Run(process, output_file, ports)
    finally:
        process.terminate()
        process.wait(60)
        remove_shared_memory(shared_memory_prefix(tmp_path / "var" / "triton"))  # of runs that were killed


def test_it_says_where_to_look_and_stops_gateway_first_with_exit_code_0(tmp_path: Path) -> None:
    with make_run(tmp_path) as run:
        run.wait_ready()
        for key in ("PORTS__WHISPER", "PORTS__VOICE", "TRITON__GRPC_PORT", "TRITON__METRICS_PORT"):
            assert f":{run.ports[key]}" in run.output
        addresses = dict(re.findall(r"^  (vosk|wyoming) +(.*)$", run.output, re.MULTILINE))
        assert addresses["vosk"] == "ws://{0}  http://{0}".format(f"127.0.0.1:{run.ports['PORTS__VOSK']}")
        assert addresses["wyoming"] == f"tcp://127.0.0.1:{run.ports['PORTS__WYOMING']}"
        assert str(tmp_path / "var" / "log" / "triton.log") in run.output
        (suggestion,) = re.findall(r"^  try +\.venv/bin/python -m frontend\.client (.*)$", run.output, re.MULTILINE)
        suggested = command.parse(suggestion.split())
        assert (suggested.protocol, suggested.port) == ("live", run.ports["PORTS__LIVE"])
        assert suggested.sample
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(60) == 0
    stopped = re.findall(r"child_stopped name=(\w+) pid=\d+ exit=(-?\d+)", run.output)
    assert stopped == [("gateway", "0"), ("triton", "0")]


def test_what_is_killed_comes_back_and_nothing_outlives_the_run(tmp_path: Path) -> None:
    with make_run(tmp_path) as run:
        run.wait_ready()
        os.kill(run.pids("gateway")[0], signal.SIGKILL)
        wait_until(lambda: len(run.pids("gateway")) == 2)
        launcher = run.pids("triton")[0]
        (server,) = child_pids(launcher)
        os.kill(launcher, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{server}").exists())
        wait_until(lambda: len(run.pids("triton")) == 2 and child_pids(run.pids("triton")[1]) != [])
        survivors = [run.pids("gateway")[1], run.pids("triton")[1], *child_pids(run.pids("triton")[1])]
        run.process.kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in survivors))


def test_what_is_not_ready_in_time_is_named_with_its_log(tmp_path: Path) -> None:
    with make_run(tmp_path, "--ready-seconds=0", STAND_IN="absent") as run:
        wait_until(lambda: "NOT READY after 0 s: Triton does not answer" in run.output)
        assert f"its log is {tmp_path / 'var' / 'log' / 'triton.log'}" in run.output
        wait_until(lambda: "the gateway does not answer" in run.output)


def test_a_busy_port_stops_it_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        with make_run(tmp_path, GATEWAY_PORTS__REST=str(busy)) as run:
            assert run.process.wait(30) == 1
    assert f"run: port {busy} of 127.0.0.1 (ports.rest) is busy" in run.output
    assert run.pids("triton") == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"GATEWAY_PORTS__VOICE": "many"}, "ports"), ({"GATEWAY_NOTHING__KEY": "1"}, "nothing")],
)
def test_a_configuration_that_cannot_be_used_is_one_line(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    with make_run(tmp_path, **environment) as run:
        assert run.process.wait(30) == 1
    assert run.output.startswith("run: ")
    assert len(run.output.splitlines()) == 1
    assert said in run.output.lower()


def test_models_that_cannot_be_made_stop_it(tmp_path: Path) -> None:
    with make_run(tmp_path, repository="unmade") as run:
        assert run.process.wait(30) == 1
    assert "no weights" in run.output
    assert "repeat it alone with `make models`" in run.output


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    log_file = tmp_path / "log" / "triton.log"
    rotate(log_file)
    assert log_file.parent.is_dir()
    log_file.write_text("yesterday")
    rotate(log_file)
    assert not log_file.exists()
    assert log_file.with_name("triton.log.1").read_text() == "yesterday"
