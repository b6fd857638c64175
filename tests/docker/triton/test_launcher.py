"""Start and end of the launcher: what it leaves behind, what it refuses, and a server that hangs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from docker.supervisor import Child, Supervisor
from docker.triton import launcher, server
from docker.triton.admission import Admission
from docker.triton.endpoint import Endpoint
from docker.triton.host import Host
from docker.triton.last_good import LastGood
from docker.triton.model_keeper import ModelKeeper
from docker.triton.repository import scan
from tests.docker import tiny_models
from tests.triton_server import ROOT, TritonAddress, child_pids, free_ports, running_triton, wait_until


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    tiny_models.publish_model(tmp_path / "repository", "adder", tiny_models.ADDER, tiny_models.adder(1.0))
    return tmp_path / "repository"


def alive(pids: Sequence[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and not is_zombie(pid)]


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def family(triton: TritonAddress) -> list[int]:
    """The launcher, the server and its stubs."""
    assert triton.server_pid is not None
    return [triton.pid, triton.server_pid, *child_pids(triton.server_pid)]


def shared_memory(state_dir: Path) -> list[Path]:
    return list(Path("/dev/shm").glob(launcher.shared_memory_prefix(state_dir) + "*"))


def run_launcher(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "docker.triton.launcher", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)


def test_sigterm_leaves_no_process_and_a_broken_model_no_gap(repository: Path, tmp_path: Path) -> None:
    tiny_models.publish_model(repository, "broken", tiny_models.ADDER, b"junk")
    with running_triton(repository, tmp_path / "state", wait_for=["adder"]) as triton:
        processes = family(triton)
        assert len(processes) == 3
        wait_until(lambda: "model_not_served model=broken" in triton.log_file.read_text())
        refused = run_launcher(f"--repository={repository}", f"--state-dir={tmp_path / 'state'}")
        assert refused.returncode == 1
        assert refused.stderr.splitlines() == [
            f"launcher: another launcher uses {tmp_path / 'state'}: stop it or pass another --state-dir"
        ]
    assert alive(processes) == []
    assert shared_memory(tmp_path / "state") == []


def test_kill_9_of_the_launcher_takes_server_and_stubs_along(repository: Path, tmp_path: Path) -> None:
    with running_triton(repository, tmp_path / "state") as triton:
        processes = family(triton)
        os.kill(triton.pid, signal.SIGKILL)
        wait_until(lambda: alive(processes) == [])


def test_a_server_that_hangs_is_replaced_and_its_shared_memory_removed(repository: Path, tmp_path: Path) -> None:
    with running_triton(repository, tmp_path / "state", launcher_arguments=["--unresponsive-seconds=1"]) as triton:
        hung = triton.server_pid
        assert hung is not None
        wait_until(lambda: "server_answers" in triton.log_file.read_text())
        regions = set(shared_memory(tmp_path / "state"))
        os.kill(hung, signal.SIGSTOP)
        wait_until(lambda: triton.server_pid not in (None, hung))
        wait_until(lambda: triton.is_ready("adder"))
        assert regions.isdisjoint(shared_memory(tmp_path / "state"))


class Looks:
    """What a launcher sees at each look, and how long it slept before; the end of the script ends it."""

    def __init__(self, script: Sequence[tuple[float, bool]]) -> None:
        self._script = iter(script)
        self._seconds = 0.0

    def monotonic(self) -> float:
        return self._seconds

    def is_live(self) -> bool:
        for slept_seconds, live in self._script:
            self._seconds += slept_seconds
            return live
        raise EOFError


@pytest.mark.parametrize(
    ("looks", "kills"),
    [
        ([(0, True), (3600, False), (1, True)], 0),
        ([(0, True), (3600, False), (5, False), (6, False)], 1),
        ([(0, True), *[(6, False)] * 3], 0),
        ([(0, True), *[(6, False)] * 4], 1),
    ],
)
async def test_a_machine_that_slept_says_nothing_of_the_server(
    looks: Sequence[tuple[float, bool]], kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[str] = []
    supervisor, script = Supervisor([]), Looks(looks)
    monkeypatch.setattr(supervisor, "kill", killed.append)
    monkeypatch.setattr(Endpoint, "is_live", lambda _: script.is_live())
    monkeypatch.setattr(launcher, "time", script)
    monkeypatch.setattr(launcher, "POLL_SECONDS", 0.0)
    with pytest.raises(EOFError):
        await launcher.watch(Endpoint("127.0.0.1", 1), supervisor, launcher.Patience(1800.0, 20.0))
    assert killed == [launcher.CHILD] * kills


def test_the_server_is_started_on_its_ports_with_the_models_there_are(repository: Path, tmp_path: Path) -> None:
    command = the_server(repository, tmp_path, "--log-verbose=1").command()
    for flag in (
        "--grpc-address=127.0.0.2", "--grpc-port=1", "--http-address=127.0.0.2", "--http-port=2",
        "--metrics-address=127.0.0.2", "--metrics-port=3", "--model-control-mode=explicit", "--exit-on-error=false",
        "--disable-auto-complete-config", "--exit-timeout-secs=5", "--load-model=adder", "--log-verbose=1",
    ):  # fmt: skip
        assert flag in command


def test_the_server_keeps_what_it_frees_unless_told_otherwise(repository: Path, tmp_path: Path) -> None:
    environment = the_server(repository, tmp_path, MALLOC_TOP_PAD_="0").environment or {}
    assert int(environment["MALLOC_TRIM_THRESHOLD_"]) > 1 << 20
    assert environment["MALLOC_TOP_PAD_"] == "0"


def the_server(repository: Path, state_dir: Path, *server_options: str, **environment: str) -> Child:
    arguments = [f"--repository={repository}", f"--state-dir={state_dir}", "--grpc-port=1", "--http-port=2"]
    options = launcher.parse([*arguments, "--metrics-port=3", "--host=127.0.0.2", "--", *server_options])
    keeper = ModelKeeper(
        Endpoint("127.0.0.2", 2), repository, LastGood(state_dir / "last_good"), Admission(repository, Host)
    )
    return launcher.triton_child(options, keeper, server.find(options.state_dir.resolve(), environment))


def test_without_a_repository_the_launcher_says_how_to_make_one(tmp_path: Path) -> None:
    ports = [f"--{name}-port={free}" for name, free in zip(("grpc", "http", "metrics"), free_ports(3), strict=True)]
    refused = run_launcher(f"--repository={tmp_path / 'none'}", f"--state-dir={tmp_path}", *ports)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        f"launcher: no model repository {tmp_path / 'none'}: create it with `python -m export`"
    ]


def test_a_busy_port_is_named_with_its_flag(repository: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        others = [f"--{name}-port={free}" for name, free in zip(("grpc", "metrics"), free_ports(2), strict=True)]
        refused = run_launcher(f"--repository={repository}", f"--state-dir={tmp_path}", f"--http-port={port}", *others)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"launcher: port {port} of 127.0.0.1 (--http-port) is busy")
    assert len(refused.stderr.splitlines()) == 1


def test_the_release_of_onnx_runtime_is_read_from_its_library(tmp_path: Path) -> None:
    library = next((server.site_packages() / "onnxruntime" / "capi").glob("libonnxruntime.so*"))
    (tmp_path / "libonnxruntime.so.1").symlink_to(library)
    assert (
        server.native_runtime(tmp_path) == server.packaged_runtime() == library.name.removeprefix("libonnxruntime.so.")
    )


def test_a_library_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    assert server.native_runtime(tmp_path) is None
    (tmp_path / "libonnxruntime.so").write_bytes(b"no library")
    with pytest.raises(server.LaunchError, match="cannot be asked for its release"):
        server.native_runtime(tmp_path)


def test_nothing_is_started_on_a_wrong_release_of_onnx_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(server, "packaged_runtime", lambda: "1.21.0")
    with pytest.raises(server.LaunchError, match=r"ONNX Runtime 1\.21\.0 answers batches wrongly.*use 1\.22\.0"):
        server.find(tmp_path, {})


def test_a_required_gpu_that_is_not_there_is_a_failed_start(repository: Path, tmp_path: Path) -> None:
    ports = [f"--{name}-port={free}" for name, free in zip(("grpc", "http", "metrics"), free_ports(3), strict=True)]
    refused = run_launcher(f"--repository={repository}", f"--state-dir={tmp_path}", "--require-provider=cuda", *ports)
    assert refused.returncode == 1
    assert refused.stderr.startswith("launcher: cuda is required and there is no NVIDIA GPU here")
    assert len(refused.stderr.splitlines()) == 1


def test_a_stub_for_another_python_is_missed_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(server.LaunchError, match=rf"no Triton stub for Python {server.PYTHON}"):
        server.prepare_backends(tmp_path, tmp_path / "backends")


def test_the_backend_directory_holds_copies_not_links(tmp_path: Path) -> None:
    backends = server.prepare_backends(server.wheel_directory(), tmp_path / "backends")
    found = {str(path.relative_to(backends)) for path in backends.rglob("*") if path.is_file()}
    own = {str(path.relative_to(server.OWN_BACKENDS)) for path in server.OWN_BACKENDS.rglob("*.py")}
    assert {"onnxruntime/model.py", "asr/model.py"} <= own
    assert found == own | {
        "onnxruntime/agreement.py",
        "python/libtriton_python.so",
        "python/triton_python_backend_stub",
        "python/triton_python_backend_utils.py",
    }
    assert not any(path.is_symlink() for path in backends.rglob("*"))


def test_only_finished_folders_with_a_configuration_count_as_models(repository: Path) -> None:
    for folder in ("adder/2", "adder/.3", "adder/04", "adder/warmup", "no_config/1", ".hidden/1", "no_version"):
        (repository / folder).mkdir(parents=True)
    for folder in (".hidden", "no_version"):
        (repository / folder / "config.pbtxt").touch()
    assert {name: model.version_numbers for name, model in scan(repository).items()} == {"adder": (1, 2)}


def test_a_replaced_version_and_a_changed_configuration_differ_from_before(repository: Path) -> None:
    before = scan(repository)
    assert scan(repository) == before
    os.rename(repository / "adder" / "1", repository / "adder" / ".old")
    tiny_models.publish_version(repository, "adder", 1, tiny_models.adder(2.0))
    replaced = scan(repository)
    assert replaced != before
    os.utime(repository / "adder" / "config.pbtxt", ns=(1, 1))
    assert scan(repository) != replaced
