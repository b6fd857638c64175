"""Settings that hold while the parent runs, whatever a worker reads that starts later: all workers share them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from frontend.config.settings import Admin, Ports, Settings
from frontend.telemetry.logs import Log

_LASTING = {
    "server": ("host", "workers", "hung_seconds", "drain_seconds", "close_linger_seconds"),
    "ports": tuple(each.name for each in dataclasses.fields(Ports)),
    "admin": tuple(each.name for each in dataclasses.fields(Admin)),
    "exports": ("enabled", "directory"),
}
_LOG = Log("workers")
Lasting = Mapping[str, Mapping[str, Any]]


def lasting(settings: Settings) -> Lasting:
    return {part: {key: getattr(getattr(settings, part), key) for key in keys} for part, keys in _LASTING.items()}


def kept(settings: Settings, before: Lasting) -> Settings:
    """The settings as they were read, but for those that are as before."""
    now = lasting(settings)
    if changed := [f"{part}.{key}" for part in before for key in before[part] if now[part][key] != before[part][key]]:
        _LOG.warning("settings stay as they were until all starts anew", settings=" ".join(changed))
    parts = {part: dataclasses.replace(getattr(settings, part), **before[part]) for part in before}
    return dataclasses.replace(settings, **parts)
