"""Reading the configuration: one YAML file, overridden by environment variables, checked before anything starts.

GATEWAY_<SECTION>__<KEY>=<YAML value> overrides a key; `gateway.yaml` beside this file documents every one of them.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from frontend.config.checks import check
from frontend.config.settings import Settings
from frontend.errors import SettingsError

DEFAULT_FILE = Path(__file__).with_name("gateway.yaml")
PREFIX = "GATEWAY_"
# What is raised for YAML that is none, and for values that are not what they are written as: a 31st of February.
_NO_YAML = (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
# As the transcription service knew it.
SERVER_KEY = "SERVER_API_KEY"


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a file (the bundled one by default) with the environment's overrides."""
    path = path or DEFAULT_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError as e:
        raise SettingsError(f"no configuration file {path}: name an existing one with --config") from e
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"cannot read the configuration file {path}: {e}") from e
    except _NO_YAML as e:  # its own words quote the line, and a key may stand there
        mark = getattr(e, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise SettingsError(f"cannot read the configuration file {path}: it is no YAML{where}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold sections (server:, ports:, ...), not a {type(content).__name__}")
    values = {section: dict(keys or {}) if isinstance(keys, dict | None) else keys for section, keys in content.items()}
    for name, text in environ.items():
        if name.startswith(PREFIX):
            _override(values, name, text)
    if key := environ.get(SERVER_KEY):
        _add_key(values, key)
    return _build(values)


def _override(values: dict[str, Any], name: str, text: str) -> None:
    section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
    if not separator:
        raise SettingsError(
            f"{name}: overrides are named {PREFIX}<SECTION>__<KEY>; unset it (where Kubernetes set it for a Service "
            "named gateway: enableServiceLinks: false)"
        )
    try:
        value = yaml.safe_load(text)
    except _NO_YAML as e:
        raise SettingsError(f"{name}: not a YAML value") from e
    keys = values.setdefault(section, {})
    if isinstance(keys, dict):
        keys[key] = value


def _add_key(values: dict[str, Any], key: str) -> None:
    section = values.setdefault("keys", {})
    clients = section.setdefault("clients", []) if isinstance(section, dict) else None
    if isinstance(clients, list):
        section["clients"] = [*clients, f"server:{key}"]


def _build(values: Mapping[str, Any]) -> Settings:
    sections = {f.name: typing.cast(type, f.type) for f in dataclasses.fields(Settings)}
    built = {}
    for name, keys in values.items():
        if name not in sections:
            raise SettingsError(f"unknown section {name!r} (known: {', '.join(sections)})")
        if not isinstance(keys, dict):
            raise SettingsError(f"section {name!r} must hold keys, not {keys!r}")
        built[name] = _section(name, sections[name], keys)
    settings = Settings(**built)
    check(settings)
    return settings


def _section(name: str, section: type, keys: Mapping[str, Any]) -> Any:
    types_of = {f.name: f.type for f in dataclasses.fields(section)}
    for key in keys:
        if key not in types_of:
            raise SettingsError(f"unknown key {name}.{key} (known: {', '.join(types_of)})")
    return section(**{key: _convert(f"{name}.{key}", types_of[key], value) for key, value in keys.items()})


def _convert(where: str, wanted: Any, value: Any) -> Any:
    if wanted is float and type(value) is int:
        value = float(value)
    if isinstance(wanted, types.GenericAlias):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        told = "" if where.startswith("keys.") else f", not {value!r}"
        raise SettingsError(f"{where} must be a list of strings{told}")
    if type(value) is not wanted:
        told = "" if where.endswith("_key") else f", not {value!r}"
        raise SettingsError(f"{where} must be of type {wanted.__name__}{told}")
    return value
