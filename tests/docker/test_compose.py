"""compose.yaml is what the Compose Specification says; and the check says what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.docker.compose_spec import problems
from tests.triton_server import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
Change = Callable[[dict[str, Any]], object]


def services(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["services"]
    return found


def test_the_compose_file_keeps_to_the_specification() -> None:
    assert problems(COMPOSE) == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda content: content.update(service={}), "the file has 'service', which is not known"),
        (lambda content: services(content)["gateway"].update(port=[]), "services.gateway has 'port'"),
        (lambda content: services(content)["gateway"].update(ports=["8000"]), "services.gateway.ports[0] is '8000'"),
        (lambda content: services(content)["gateway"].update(read_only="yes"), "services.gateway.read_only is 'yes'"),
        (lambda content: services(content)["gateway"].update(init=1), "services.gateway.init is 1"),
        (lambda content: services(content)["gateway"].update(stop_grace_period=40), "stop_grace_period is 40"),
        (lambda content: services(content)["gateway"].update(volumes=["other:/srv"]), "services.gateway mounts other"),
        (lambda content: services(content)["gateway"]["depends_on"].update(db={"condition": "service_healthy"}),
         "services.gateway waits for db"),
        (lambda content: services(content)["prometheus"].pop("image"), "has neither image nor build"),
        (lambda content: services(content)["prometheus"].update(tmpfs=["/a", "/a"]), "tmpfs says something twice"),
        (lambda content: services(content)["triton-gpu"]["deploy"]["resources"]["reservations"]["devices"][0].pop(
            "capabilities"), "devices[0] has no capabilities"),
        (lambda content: services(content)["triton-gpu"].update(restart="sometimes"), "restart is 'sometimes'"),
        (lambda content: content.pop("services"), "has no services"),
    ],
)  # fmt: skip
def test_what_the_specification_does_not_know_is_told_with_its_place(spoil: Change, told: str) -> None:
    content = copy.deepcopy(COMPOSE)
    spoil(content)
    assert any(told in problem for problem in problems(content)), problems(content)
