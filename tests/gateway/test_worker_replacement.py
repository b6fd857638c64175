"""The parent of several workers replaces them one by one, stops them together, and is not outlived by them."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import websockets

from tests.gateway.connections import BLOCK_BYTES, SUMMARY, connected, connected_to_both
from tests.gateway_server import PORTS, children, running_stack, running_workers
from tests.triton_server import ROOT, TritonAddress, wait_until


async def test_no_attempt_to_connect_is_lost_while_workers_are_replaced(triton: TritonAddress, tmp_path: Path) -> None:
    with running_workers(triton, tmp_path) as gateway:
        before = set(gateway.worker_pids)
        lasting = await connected_to_both(gateway, SUMMARY)
        os.kill(gateway.pid, signal.SIGHUP)
        attempts = 0
        while before & set(gateway.worker_pids):
            attempts += 1
            connection = await connected(gateway, SUMMARY)  # or it raises
            with contextlib.suppress(websockets.ConnectionClosedOK):  # of one that drains
                await connection.send("16000")
                assert await connection.recv() == "200"
            await connection.close()
        assert attempts > 10
        for connection in lasting:
            with pytest.raises(websockets.ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1001
        assert len(gateway.worker_pids) == 2


def test_settings_that_cannot_be_used_leave_the_old_workers_in_place(triton: TritonAddress, tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("log: {level: INFO}")
    with running_workers(triton, tmp_path, arguments=[f"--config={config}"]) as gateway:
        before = gateway.worker_pids
        config.write_text("log: {level: LOUD}")
        os.kill(gateway.pid, signal.SIGHUP)
        wait_until(lambda: "worker not replaced" in gateway.log_file.read_text())
        assert gateway.worker_pids == before
        assert "log.level must be" in gateway.log_file.read_text()
        config.write_text("log: {level: INFO}\nserver: {max_connections: 7, hung_seconds: 99}")
        os.kill(gateway.pid, signal.SIGHUP)
        wait_until(lambda: not set(before) & set(gateway.worker_pids))
        assert gateway.get("/health/live")[0] == 200
        kept = "settings stay as they were until all starts anew settings=server.hung_seconds"
        wait_until(lambda: gateway.log_file.read_text().count(kept) == 2)  # each of the two


async def test_a_stop_drains_all_workers_and_closes_with_1001(triton: TritonAddress, tmp_path: Path) -> None:
    with running_workers(triton, tmp_path) as gateway:
        connections = await connected_to_both(gateway, SUMMARY)
        for connection in connections:
            await connection.send("16000")
            await connection.send(bytes(BLOCK_BYTES))
        os.kill(gateway.pid, signal.SIGTERM)
        for connection in connections:
            assert await connection.recv() == "200"
            assert json.loads(await connection.recv())["speech_length"] == 0.0
            with pytest.raises(websockets.ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1001
        await asyncio.to_thread(wait_until, lambda: "workers: stopped" in gateway.log_file.read_text())
        assert gateway.log_file.read_text().count("exit=0") == 2


async def test_a_wrong_sum_is_never_told_and_streams_need_no_parent(triton: TritonAddress, tmp_path: Path) -> None:
    with running_workers(triton, tmp_path) as gateway:
        os.kill(gateway.pid, signal.SIGSTOP)
        try:
            status, body = await asyncio.to_thread(gateway.get, "/metrics")
            assert status == 503
            assert "figures of the other processes" in json.loads(body)["message"]
            connection = await connected(gateway, SUMMARY)
            await connection.send("16000")
            assert await connection.recv() == "200"
        finally:
            os.kill(gateway.pid, signal.SIGCONT)
        assert gateway.metric("gateway_workers") == 2
        await connection.close()


def test_a_worker_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    soon = {"GATEWAY_SERVER__DRAIN_SECONDS": "0.1", "GATEWAY_SERVER__CLOSE_LINGER_SECONDS": "0.1"}
    with running_workers(None, tmp_path, soon) as gateway:
        stuck, other = gateway.worker_pids
        os.kill(stuck, signal.SIGSTOP)
        os.kill(gateway.pid, signal.SIGTERM)
        wait_until(lambda: "workers: stopped" in gateway.log_file.read_text())
        log = gateway.log_file.read_text()
    assert f"worker killed pid={stuck} " in log
    assert f"pid={other} exit=0" in log


def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    with running_workers(None, tmp_path) as gateway:
        workers = gateway.worker_pids
        os.kill(gateway.pid, signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_a_port_that_somebody_has_is_said_though_they_would_share_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = refused(tmp_path, GATEWAY_PORTS__LIVE=str(taken.getsockname()[1]))
    assert code == 2
    assert "cannot listen on 127.0.0.1:" in said
    assert "set GATEWAY_PORTS__LIVE" in said


def test_what_only_a_worker_finds_wrong_ends_the_parent_too(tmp_path: Path) -> None:
    code, said = refused(tmp_path, GATEWAY_TRITON__MODELS="[vad, oracle]")
    assert code == 2
    assert "triton.models names oracle" in said


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_place_for_waiting_audio_that_takes_none_is_told_at_once(tmp_path: Path, workers: str) -> None:
    (tmp_path / "file").touch()
    spool = {"GATEWAY_LIMITS__SPOOL_DIRECTORY": str(tmp_path / "file" / "spool")}
    code, said = refused(tmp_path, GATEWAY_SERVER__WORKERS=workers, **spool)
    assert code == 2
    assert "gateway: limits.spool_directory" in said


def test_so_few_open_files_that_nobody_could_connect_are_told_at_once(tmp_path: Path) -> None:
    code, said = refused(tmp_path, before=("prlimit", "--nofile=100:100"))
    assert code == 2
    assert said == "gateway: only 100 open files are allowed, 256 are needed: raise the limit (ulimit -n)\n"


def refused(directory: Path, before: Sequence[str] = (), **settings: str) -> tuple[int, str]:
    """How a gateway of several processes ends at once, and what it says."""
    ports = {f"GATEWAY_PORTS__{name}": "0" for name in map(str.upper, PORTS)}
    places = {"GATEWAY_EXPORTS__DIRECTORY": str(directory), "GATEWAY_SERVER__WORKERS": "2"}
    command = [*before, sys.executable, "-m", "frontend"]
    environment = {**os.environ, **ports, **places, **settings}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_make_run_brings_the_parent_and_its_workers_back(tmp_path: Path) -> None:
    with running_stack(tmp_path, {"GATEWAY_SERVER__WORKERS": "2"}) as (gateway, supervisor):
        wait_until(lambda: gateway.metric("gateway_workers") == 2)
        (parent,) = children(supervisor, "frontend")
        workers = children(parent, "--worker=")
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda: parent not in children(supervisor, "frontend") and not set(workers) & running())
        wait_until(lambda: gateway.get("/health/ready")[0] == 200 and gateway.metric("gateway_workers") == 2)


def running() -> set[int]:
    return {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}
