"""Each thing that can be wrong with a machine is told in one line that says what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from docker import preflight
from docker.preflight import Listener
from docker.triton import server
from tests.triton_server import free_ports


def test_only_python_3_11_and_3_12_are_supported() -> None:
    assert preflight.python_problem((3, 11)) is preflight.python_problem((3, 12)) is None
    for version in ((3, 10), (3, 13), (4, 11)):
        problem = preflight.python_problem(version)
        assert problem is not None
        assert problem.startswith(f"Python {version[0]}.{version[1]} is not supported")
        assert "Python 3.11 or 3.12" in problem


@pytest.mark.parametrize("library", ["glibc 2.35", "glibc 2.41", "glibc 3.0"])
def test_a_recent_glibc_is_fine(library: str) -> None:
    assert preflight.glibc_problem(library) is None


@pytest.mark.parametrize("library", ["glibc 2.31", "glibc 2.9", "musl 1.2", None])
def test_an_old_or_other_c_library_is_refused(library: str | None) -> None:
    problem = preflight.glibc_problem(library)
    assert problem is not None
    assert "glibc 2.35 or newer" in problem
    assert "Debian 12" in problem


def test_numpy_2_is_refused() -> None:
    assert preflight.numpy_problem("1.26.4") is None
    assert "pip install 'numpy<2'" in (preflight.numpy_problem("2.0.0") or "")
    assert "not installed" in (preflight.numpy_problem(None) or "")


def test_a_missing_libpython_is_named_with_its_package(tmp_path: Path) -> None:
    assert preflight.libpython_problem(tmp_path) is None
    problem = preflight.libpython_problem(None) or ""
    assert f"libpython{server.PYTHON}.so.1.0 is missing" in problem
    assert f"apt-get install libpython{server.PYTHON}" in problem


def test_a_full_disk_is_named_with_what_is_needed(tmp_path: Path) -> None:
    assert preflight.disk_problem(tmp_path / "not" / "there" / "yet", min_bytes=1) is None
    problem = preflight.disk_problem(tmp_path / "var", min_bytes=1 << 60) or ""
    assert problem.startswith(f"{tmp_path / 'var'} has ")
    assert "needs 1099511627776 MiB" in problem


def test_little_shared_memory_is_refused_and_scarce_shared_memory_warned_of() -> None:
    outcomes = [
        (preflight.shared_memory_problem(size_mib << 20), preflight.shared_memory_warning(size_mib << 20))
        for size_mib in (16, 64, 1024)
    ]
    refused, warned, fine = outcomes
    assert "--shm-size=1g" in (refused[0] or "")
    assert refused[1] is None
    assert warned[0] is None
    assert "only 64 MiB" in (warned[1] or "")
    assert fine == (None, None)


def test_too_few_open_files_for_the_connections_are_told_with_what_to_do() -> None:
    assert preflight.open_files_problem(allowed=4096, needed=3256) is None
    problem = preflight.open_files_problem(allowed=1024, needed=3256) or ""
    assert "only 1024 open files are allowed" in problem
    assert "3256" in problem
    assert "GATEWAY_SERVER__MAX_CONNECTIONS lower" in problem


def test_a_busy_port_is_named_with_the_setting_that_changes_it() -> None:
    free, other = free_ports(2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        listeners = [
            Listener("ports.voice", "127.0.0.1", busy),
            Listener("ports.live", "127.0.0.1", free),
            Listener("triton.grpc_port", "127.0.0.1", other),
        ]
        problems = preflight.port_problems(listeners)
    assert len(problems) == 1
    assert problems[0].startswith(f"port {busy} of 127.0.0.1 (ports.voice) is busy")
    assert "set GATEWAY_PORTS__VOICE to another" in problems[0]


def test_a_port_given_twice_is_found() -> None:
    (port,) = free_ports(1)
    listeners = [Listener("ports.rest", "127.0.0.1", port), Listener("triton.http_port", "127.0.0.1", port)]
    assert preflight.port_problems(listeners) == [
        f"port {port} of 127.0.0.1 (triton.http_port) is also ports.rest: set GATEWAY_TRITON__HTTP_PORT to another"
    ]


def test_an_address_may_be_of_the_sixth_version() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        busy = Listener("ports.voice", "::1", taken.getsockname()[1])
        (problem,) = preflight.port_problems([busy, Listener("ports.live", "::1", free_ports(1)[0])])
    assert "(ports.voice) is busy" in problem


@pytest.mark.parametrize(
    ("settings", "override"),
    [
        (("ports.voice", "ports.live"), "GATEWAY_SERVER__HOST"),
        (("admin.port",), "GATEWAY_ADMIN__HOST"),
        (("triton.grpc_port", "triton.http_port"), "GATEWAY_TRITON__HOST"),
        (("--grpc-port", "--http-port"), "--host"),
    ],
)
@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_of_this_machine_is_told_once(
    settings: tuple[str, ...], override: str, host: str
) -> None:
    ports = free_ports(len(settings))
    listeners = [Listener(setting, host, port) for setting, port in zip(settings, ports, strict=True)]
    assert preflight.port_problems(listeners) == [
        f"{host} is no address of this machine: set {override} to one that is"
    ]


def test_every_problem_is_one_line() -> None:
    problems = [
        preflight.python_problem((3, 9)),
        preflight.glibc_problem(None),
        preflight.numpy_problem("2.1"),
        preflight.libpython_problem(None),
        preflight.shared_memory_problem(0),
        preflight.open_files_problem(1, 2),
    ]
    assert all(problem and "\n" not in problem for problem in problems)
