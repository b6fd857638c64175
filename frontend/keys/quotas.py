"""What one name may have other than the settings say, as a key file has it: `alice streams=2 recordings=no`."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from frontend.config.settings import Quota
from frontend.keys.hashed import NAME

Changes = Mapping[str, Any]


def changes_of(line: str) -> tuple[str, Changes] | None:
    """Whose they are, and what they are; None for a line that is none, ValueError for what it cannot say."""
    name, *settings = line.split()
    if not NAME.fullmatch(name) or not settings:
        return None
    changes: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in SETTINGS:
            return None
        if key in changes:
            raise ValueError(f"{key} stands there twice")
        changes[key] = SETTINGS[key](key, value)
    return name, changes


def _whole(key: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise ValueError(f"{key} must be a whole number of at least 0")
    return int(value)


def _seconds(key: str, value: str) -> float:
    return float(_whole(key, value))


def _flag(key: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise ValueError(f"{key} must be yes or no")
    return value == "yes"


def _names(_: str, value: str) -> tuple[str, ...]:
    return tuple(filter(None, value.split(",")))


_BY_TYPE: Mapping[Any, Callable[[str, str], Any]] = {int: _whole, float: _seconds, bool: _flag}
SETTINGS = {field.name: _BY_TYPE.get(field.type, _names) for field in dataclasses.fields(Quota)}
