"""A version in a server of its own: what fails there is refused with Triton's words, what served once is believed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from docker.triton import server
from docker.triton.admission import Admission
from docker.triton.host import Host
from docker.triton.launcher import parse, trial
from docker.triton.repository import scan
from docker.triton.trial import Trial
from tests.docker import tiny_models


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    tiny_models.publish_model(tmp_path / "repository", "adder", tiny_models.ADDER, tiny_models.adder(1.0))
    return tmp_path / "repository"


@pytest.fixture
def tried(repository: Path, tmp_path: Path) -> Trial:
    (tmp_path / "state").mkdir()
    return Trial(server.find(tmp_path / "state", os.environ), repository, tmp_path / "state", seconds=120)


def scripted(repository: Path, tmp_path: Path, script: str) -> Trial:
    """A server that does what a shell script says."""
    program = tmp_path / "tritonserver"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return Trial(server.Installation(program, os.environ), repository, tmp_path, seconds=5)


def test_a_version_whose_warm_up_fails_is_refused_and_the_one_before_served(repository: Path, tried: Trial) -> None:
    tiny_models.publish_version(repository, "adder", 2, tiny_models.failing())
    admission = Admission(repository, Host, tried)
    assert not admission.settled("adder", scan(repository)["adder"])
    found = admission.decide("adder", scan(repository)["adder"])
    assert found.versions == [1]
    assert "it fails in a server of its own (" in found.refused[2]
    assert "the graph fails in its warm-up" in found.refused[2]
    assert (tried.passed("adder", 1), tried.passed("adder", 2)) == (True, False)


def test_what_served_once_is_not_tried_again_until_it_is_another(repository: Path, tried: Trial) -> None:
    assert tried.problem("adder", 1) is None
    dead = Trial(server.Installation(Path("/bin/false"), os.environ), repository, tried.state)
    assert dead.problem("adder", 1) is None
    assert Admission(repository, Host, dead).settled("adder", scan(repository)["adder"])
    config = repository / "adder" / "config.pbtxt"
    os.utime(config, ns=(1, 1))
    assert not dead.passed("adder", 1)
    assert str(dead.problem("adder", 1)).startswith("it fails in a server of its own (it ends with status 1)")
    assert not list(tried.state.glob("tmp*"))


def test_a_server_that_dies_of_a_version_is_told(repository: Path, tmp_path: Path) -> None:
    assert "it ends of SIGSEGV" in str(scripted(repository, tmp_path, "kill -SEGV $$").problem("adder", 1))


def test_only_nvidias_server_needs_it(repository: Path, tmp_path: Path) -> None:
    options = parse(["--repository", str(repository), "--state-dir", str(tmp_path)])
    assert trial(options, server.Installation(Path("x"), {}, backend_directory=tmp_path)) is None
    native = trial(options, server.Installation(Path("x"), {}))
    assert native is not None
    assert native.seconds == options.start_seconds
