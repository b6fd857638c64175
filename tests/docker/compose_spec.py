"""What the Compose Specification allows, as far as compose.yaml uses it; whatever it does not use is refused.

After https://github.com/compose-spec/compose-spec/blob/main/spec.md, in words of our own: no engine is here to ask.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Rule = Callable[[Any, str], Iterator[str]]
PUBLISHED = re.compile(r"(?:(?:\$\{\w+:-[\d.]+\}|[\d.]+):)?\d+:\d+(?:/(?:tcp|udp))?")
MOUNT = re.compile(r"[^:]+:/[^:]*(?::(?:ro|rw))?")


def problems(content: Mapping[str, Any]) -> list[str]:
    """What a strict reader would not take, each with its place; nothing where all is well."""
    stated = {name: value for name, value in content.items() if not str(name).startswith("x-")}
    found = list(FILE(stated, ""))
    return found or list(_references(stated))


def text(pattern: str = ".+") -> Rule:
    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
            yield f"{place} is {value!r}"

    return check


def of_kind(*kinds: type) -> Rule:
    def check(value: Any, place: str) -> Iterator[str]:
        # To Python a truth is a number too.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            yield f"{place} is {value!r}"

    return check


def listed(rule: Rule) -> Rule:
    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{place} is no list"
            return
        if len({repr(each) for each in value}) < len(value):
            yield f"{place} says something twice"
        for number, each in enumerate(value):
            yield from rule(each, f"{place}[{number}]")

    return check


def named(rule: Rule, pattern: str = r"[a-zA-Z0-9._-]+") -> Rule:
    """A mapping with names of the user's own."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place} is no mapping"
            return
        for name, each in value.items():
            yield from text(pattern)(name, f"a name in {place}")
            yield from rule(each, f"{place}.{name}")

    return check


def fields(known: Mapping[str, Rule], needed: tuple[str, ...] = ()) -> Rule:
    """A mapping with the specification's names."""

    def check(value: Any, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place} is no mapping"
            return
        yield from (f"{place} has no {name}" for name in needed if name not in value)
        for name, each in value.items():
            if name in known:
                yield from known[name](each, f"{place}.{name}".lstrip("."))
            else:
                yield f"{place or 'the file'} has {name!r}, which is not known"

    return check


def nothing_or(rule: Rule) -> Rule:
    return lambda value, place: iter(()) if value is None else rule(value, place)


DURATION, SIZE = text(r"(?:\d+(?:us|ms|s|m|h))+"), text(r"\d+(?:b|k|kb|m|mb|g|gb)")
DEVICE = fields({"driver": text(), "count": of_kind(int), "device_ids": listed(text()), "capabilities": listed(text()),
                 "options": named(text())}, ("capabilities",))  # fmt: skip
SERVICE = fields(
    {
        "build": fields({"context": text(), "dockerfile": text(), "args": named(text()), "target": text()}),
        "image": text(r"[a-z0-9./_-]+(?::[\w.-]+)?"),
        "command": listed(text()),
        "profiles": listed(text(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")),
        "environment": named(of_kind(str, int, float), r"\w+"),
        "depends_on": named(
            fields(
                {"condition": text("service_started|service_healthy|service_completed_successfully"),
                 "required": of_kind(bool), "restart": of_kind(bool)}, ("condition",)
            )
        ),
        "ports": listed(text(PUBLISHED.pattern)),
        "volumes": listed(text(MOUNT.pattern)),
        "networks": named(nothing_or(fields({"aliases": listed(text()), "ipv4_address": text(r"[\d.]+")}))),
        "healthcheck": fields({"test": listed(text()), "interval": DURATION, "timeout": DURATION,
                               "start_period": DURATION, "retries": of_kind(int)}),
        "init": of_kind(bool),
        "read_only": of_kind(bool),
        "tmpfs": listed(text("/.*")),
        "cap_add": listed(text("[A-Z_]+")),
        "cap_drop": listed(text("[A-Z_]+")),
        "security_opt": listed(text()),
        "restart": text(r"no|always|unless-stopped|on-failure(?::\d+)?"),
        "shm_size": SIZE,
        "stop_grace_period": DURATION,
        "deploy": fields({"resources": fields({"reservations": fields({"devices": listed(DEVICE)})})}),
    }
)  # fmt: skip
SUBNET = fields({"subnet": text(r"[\d.]+/\d+")}, ("subnet",))
FILE = fields(
    {"name": text(r"[a-z0-9][a-z0-9_-]*"), "services": named(SERVICE), "volumes": named(nothing_or(fields({}))),
     "networks": named(nothing_or(fields({"ipam": fields({"config": listed(SUBNET)})})))},
    ("services",),
)  # fmt: skip


def _references(content: Mapping[str, Any]) -> Iterator[str]:
    """Services, networks and volumes that are named are there; a service has something to run."""
    services = content["services"]
    networks = {"default", *content.get("networks", {})}
    for name, service in services.items():
        if not {"image", "build"} & service.keys():
            yield f"services.{name} has neither image nor build"
        yield from (
            f"services.{name} waits for {other}" for other in service.get("depends_on", {}) if other not in services
        )
        yield from (f"services.{name} is in {other}" for other in service.get("networks", {}) if other not in networks)
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            if not source.startswith((".", "/")) and source not in content.get("volumes", {}):
                yield f"services.{name} mounts {source}"
