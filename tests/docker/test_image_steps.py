"""The images' steps in a clean folder: what they copy and install is enough to start, and nothing else is written."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from docker.triton import server
from docker.triton.launcher import remove_shared_memory, shared_memory_prefix
from tests.docker import tiny_models
from tests.docker.image_root import ImageRoot
from tests.gateway_server import PORTS
from tests.triton_server import free_ports, wait_until

START_SECONDS, END_SECONDS = 120, 60


@contextlib.contextmanager
def started(root: ImageRoot, changes: Mapping[str, str], arguments: Sequence[str], url: str) -> Iterator[Path]:
    """The container's command until it answers there; it must end well when it is asked to."""
    log_file = root.folder / "log"
    with log_file.open("wb") as log:
        command = [*root.command, *arguments]
        process = subprocess.Popen(command, cwd=root.workplace, env=root.environment(changes), stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(url) or process.poll() is not None, START_SECONDS, log_file.read_text)
        assert process.poll() is None, log_file.read_text()
        yield log_file
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == 0, log_file.read_text()
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_the_gateways_image_has_all_that_it_needs(tmp_path: Path) -> None:
    root = ImageRoot.of("docker/gateway/Dockerfile", tmp_path)
    before, ports = root.files(), dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    changes = {f"GATEWAY_PORTS__{name.upper()}": str(port) for name, port in ports.items()}
    changes |= {"GATEWAY_SERVER__HOST": "127.0.0.1", "GATEWAY_TRITON__HOST": "127.0.0.1"}
    with started(root, changes, (), f"http://127.0.0.1:{ports['voice']}/health/live"):
        pass
    assert root.files() == before, "the root is read-only in a container"


def test_tritons_image_for_the_cpu_has_all_that_it_needs(tmp_path: Path) -> None:
    root = ImageRoot.of("docker/triton/cpu.Dockerfile", tmp_path)
    before = root.files()
    tiny_models.publish_model(tmp_path / "mounted", "adder", tiny_models.ADDER, tiny_models.adder(1.0))
    grpc, http, metrics = free_ports(3)
    arguments = [f"--grpc-port={grpc}", f"--http-port={http}", f"--metrics-port={metrics}", "--host=127.0.0.1",
                 f"--repository={tmp_path / 'mounted'}"]  # fmt: skip
    with started(root, {}, arguments, f"http://127.0.0.1:{http}/v2/models/adder/ready"):
        pass
    remove_shared_memory(shared_memory_prefix(root.workplace / "var/triton"))
    assert root.files() == before, "the root is read-only in a container"


def test_nvidias_image_gets_a_launcher_that_its_python_reads(tmp_path: Path) -> None:
    """Its server is not here: the launcher says so, which is as far as its steps go."""
    root = ImageRoot.of("docker/triton/Dockerfile", tmp_path)
    backend = root.folder / "opt/tritonserver/backends/asr"
    assert (backend / "model.py").is_file()
    assert (backend / "decoding/steps.py").is_file()
    python = root.newer_python
    compiled = subprocess.run([python, "-m", "compileall", "-q", str(root.workplace), str(backend)], check=False)
    assert compiled.returncode == 0
    found = subprocess.run([python, *root.command[1:]], cwd=root.workplace, capture_output=True, text=True, check=False,
                           env=root.environment({}))  # fmt: skip
    if not server.IMAGE_SERVER.exists():
        assert found.returncode == 1
        assert found.stderr.startswith("launcher: no tritonserver in this environment"), found.stderr


def test_a_package_that_is_installed_in_another_version_is_told(tmp_path: Path) -> None:
    root = ImageRoot("docker/gateway/Dockerfile", tmp_path)
    with pytest.raises(AssertionError, match="is installed here, the image has 0"):
        root.install("aiohttp==0\n")
