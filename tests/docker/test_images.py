"""What can be known about the images without a container engine: that their files agree with the tree and settings."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from docker.triton import launcher, releases
from frontend.config.loading import load
from tests.docker.image_root import instructions
from tests.triton_server import ROOT

DOCKERFILES = ("docker/triton/Dockerfile", "docker/triton/cpu.Dockerfile", "docker/gateway/Dockerfile")
TRITON_SERVICES = ("triton-gpu", "triton-cpu")
SETTINGS = load(None, {})
LAUNCHER_DEFAULTS = launcher.parse([])

every_dockerfile = pytest.mark.parametrize("dockerfile", DOCKERFILES)


def arguments(dockerfile: str, instruction: str) -> list[str]:
    return [rest for name, rest in instructions(dockerfile) if name == instruction]


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
    return content


def exposed(dockerfile: str) -> set[int]:
    return {int(port) for port in " ".join(arguments(dockerfile, "EXPOSE")).split()}


def reaches_the_build(path: str) -> bool:
    """.dockerignore excludes everything but the folders and files it names."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    return path.split("/")[0] in allowed


@every_dockerfile
def test_what_an_image_copies_is_in_the_tree_and_in_the_build_context(dockerfile: str) -> None:
    for copy in arguments(dockerfile, "COPY"):
        for source in copy.split()[:-1]:
            assert list(ROOT.glob(source.rstrip("/"))), f"{source} is not in the tree"
            assert reaches_the_build(source)


@every_dockerfile
def test_an_image_carries_the_licence_and_the_notices_of_the_weights_in_it(dockerfile: str) -> None:
    assert "LICENSE THIRD_PARTY.md ./" in arguments(dockerfile, "COPY")


@every_dockerfile
def test_an_image_is_pinned_and_runs_without_root(dockerfile: str) -> None:
    steps = instructions(dockerfile)
    tags = dict(rest.split("=", 1) for name, rest in steps if name == "ARG")
    (base,) = [rest for name, rest in steps if name == "FROM"]
    tag = re.sub(r"\$\{(\w+)\}", lambda found: tags[found[1]], base).rpartition(":")[2]
    assert re.match(r"\d+\.\d+", tag), f"{base} has no version"
    names = [name for name, _rest in steps]
    assert arguments(dockerfile, "USER") == ["10001:10001"]
    assert names.index("USER") > max(position for position, name in enumerate(names) if name in ("RUN", "COPY"))
    for command in arguments(dockerfile, "RUN"):
        if "pip install" in command:
            assert command.count("pip install") == command.count("--no-deps --require-hashes")


@every_dockerfile
def test_an_image_copies_every_module_that_it_runs(dockerfile: str) -> None:
    (command,) = (json.loads(each) for each in arguments(dockerfile, "CMD"))
    module = command[command.index("-m") + 1].replace(".", "/")
    needed = {f"{module}.py"} if (ROOT / f"{module}.py").exists() else {f"{module}/__main__.py"}
    if module.startswith("docker/"):
        needed |= imported_files(ROOT / f"{module}.py")
    patterns = [source.rstrip("/") for copy in arguments(dockerfile, "COPY") for source in copy.split()[:-1]]
    for path in needed:
        assert any(fnmatch.fnmatch(path, pattern) or path.startswith(f"{pattern}/") for pattern in patterns), path


def imported_files(path: Path) -> set[str]:
    """The project's own modules that this one imports, and theirs."""
    found = {str(path.relative_to(ROOT))}
    for package, names in re.findall(r"^from (docker[\w.]*) import ([\w, ]+)$", path.read_text(), re.MULTILINE):
        candidates = [package, *(f"{package}.{name.strip()}" for name in names.split(","))]
        for candidate in candidates:
            file = ROOT / f"{candidate.replace('.', '/')}.py"
            if file.exists() and str(file.relative_to(ROOT)) not in found:
                found |= imported_files(file)
    return found


def test_a_health_check_asks_a_port_that_its_server_listens_on() -> None:
    for dockerfile in DOCKERFILES:
        (check,) = arguments(dockerfile, "HEALTHCHECK")
        ((port, path),) = re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", check)
        assert int(port) in exposed(dockerfile)
        expected = "/health/live" if "gateway" in dockerfile else "/v2/health/live"
        assert path == expected
        if "gateway" not in dockerfile:
            assert int(port) == LAUNCHER_DEFAULTS.http_port


def test_the_ports_are_those_of_the_settings() -> None:
    triton = {SETTINGS.triton.grpc_port, SETTINGS.triton.http_port, SETTINGS.triton.metrics_port}
    defaults = {LAUNCHER_DEFAULTS.grpc_port, LAUNCHER_DEFAULTS.http_port, LAUNCHER_DEFAULTS.metrics_port}
    assert defaults == triton
    assert exposed("docker/triton/Dockerfile") == exposed("docker/triton/cpu.Dockerfile") == triton
    gateway = set(SETTINGS.port_numbers.values())
    assert exposed("docker/gateway/Dockerfile") == gateway
    published = [entry.split(":") for entry in compose()["services"]["gateway"]["ports"]]
    assert {int(entry[-1]) for entry in published} == gateway


def test_nothing_is_published_beyond_loopback_unless_asked() -> None:
    for service in compose()["services"].values():
        for entry in service.get("ports", []):
            assert entry.startswith(("127.0.0.1:", "${BIND:-127.0.0.1}:", "${TLS_BIND:-127.0.0.1}:"))


def test_every_service_is_contained_restarted_and_checked() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["restart"] == "unless-stopped", name
        assert service["cap_drop"] == ["ALL"], name
        if "build" in service:
            assert (ROOT / "docker" / service["build"]["context"]).resolve() == ROOT
            assert service["build"]["dockerfile"] in DOCKERFILES
        else:
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
            assert "healthcheck" in service


def test_each_profile_has_one_triton_under_the_name_that_the_gateway_calls() -> None:
    services = compose()["services"]
    (environment,) = arguments("docker/gateway/Dockerfile", "ENV")
    assert "GATEWAY_TRITON__HOST=triton" in environment
    assert [services[name]["profiles"] for name in TRITON_SERVICES] == [["gpu"], ["cpu"]]
    for name in TRITON_SERVICES:
        assert services[name]["networks"]["default"]["aliases"] == ["triton"]
        assert services[name]["shm_size"] == "1gb"
        assert services["gateway"]["depends_on"][name] == {"condition": "service_healthy", "required": False}
    devices = services["triton-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]


def test_a_profile_keeps_a_state_of_its_own_and_the_gpus_one_requires_a_gpu() -> None:
    services = compose()["services"]
    states = [
        next(each for each in services[name]["volumes"] if each.endswith(":/srv/var")) for name in TRITON_SERVICES
    ]
    assert len(set(states)) == 2
    assert services["triton-gpu"]["environment"] == {launcher.REQUIRED_PROVIDER: "cuda"}


def test_nvidias_image_is_of_a_release_that_answers_rightly() -> None:
    (tag,) = [rest.split("=")[1] for rest in arguments("docker/triton/Dockerfile", "ARG")]
    assert tag.removesuffix("-py3") >= releases.OLDEST_IMAGE


def test_what_cuda_compiles_has_a_writable_place_and_large_models_have_time_to_load() -> None:
    (environment,) = arguments("docker/triton/Dockerfile", "ENV")
    assert "CUDA_CACHE_PATH=/srv/var/" in environment
    (check,) = arguments("docker/triton/Dockerfile", "HEALTHCHECK")
    assert f"--start-period={LAUNCHER_DEFAULTS.start_seconds:.0f}s" in check


def test_every_mount_has_its_source() -> None:
    content = compose()
    for service in content["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (ROOT / "docker" / source).exists(), source
            else:
                assert source in content["volumes"]


def test_the_containers_outlast_the_drain() -> None:
    grace_seconds = int(compose()["services"]["gateway"]["stop_grace_period"].removesuffix("s"))
    assert grace_seconds > SETTINGS.server.stop_seconds
    grace_seconds = int(compose()["services"]["triton-cpu"]["stop_grace_period"].removesuffix("s"))
    assert grace_seconds > launcher.GRACE_SECONDS


def test_prometheus_scrapes_the_gateway_and_triton_where_they_are() -> None:
    scraped = yaml.safe_load((ROOT / "docker" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: (job["static_configs"][0]["targets"], job["metrics_path"]) for job in scraped}
    assert targets == {
        "gateway": ([f"gateway:{SETTINGS.ports.whisper}"], "/metrics"),
        "triton": ([f"triton:{SETTINGS.triton.metrics_port}"], "/metrics"),
    }
