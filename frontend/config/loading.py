"""Reading the configuration: one YAML file, overridden by environment variables, checked before anything starts.

GATEWAY_<SECTION>__<KEY>=<YAML value> overrides a key; `gateway.yaml` beside this file documents every one of them.
"""

import dataclasses
import types
import typing
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from frontend.config.settings import (
    LONGEST_KEY_BYTES,
    Exports,
    Keys,
    Postprocess,
    Recognition,
    Server,
    Settings,
    Voice,
)
from frontend.errors import SettingsError

DEFAULT_FILE = Path(__file__).with_name("gateway.yaml")
PREFIX = "GATEWAY_"
# As the transcription service knew it.
SERVER_KEY = "SERVER_API_KEY"
MAX_WORKERS = 64
# With nothing of these nothing is served.
_NEVER_ZERO = (
    "server.workers",
    "server.max_connections",
    "triton.max_in_flight",
    "triton.asr_in_flight",
    "triton.attempt_seconds",
    "triton.asr_attempt_seconds",
    "batching.vad_rows",
    "batching.speaker_embedding_rows",
    "batching.language_id_rows",
    "recognition.pieces_at_once",
    "voice.verify_hop_seconds",
    "voice.verify_window_seconds",
    "voice.verify_min_speech_seconds",
    "limits.upload_idle_seconds",
    "media.workers",
    "media.recordings",
    "live.silence_seconds",
    "live.least_silence_seconds",
    "deepgram.idle_seconds",
    "live.longest_seconds",
    "live.first_partial_seconds",
    "live.partial_seconds",
    "postprocess.timeout_seconds",
    "postprocess.max_at_once",
    "postprocess.max_answer_bytes",
    "keys.reload_seconds",
    "keys.show_seconds",
    "exports.retention_hours",
    "exports.quota_bytes",
    "exports.s3_attempt_seconds",
)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a file (the bundled one by default) with the environment's overrides."""
    path = path or DEFAULT_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError as e:
        raise SettingsError(f"no configuration file {path}: name an existing one with --config") from e
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"cannot read the configuration file {path}: {e}") from e
    except yaml.YAMLError as e:  # its own words quote the line, and a key may stand there
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
    except yaml.YAMLError as e:
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
    _check(settings)
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


def _check(settings: Settings) -> None:
    for section, keys in dataclasses.asdict(settings).items():
        for key, value in keys.items():
            if isinstance(value, int | float) and not 0 <= value < float("inf"):
                raise SettingsError(f"{section}.{key} must be a finite number of at least 0, not {value}")
            if value == 0 and f"{section}.{key}" in _NEVER_ZERO:
                raise SettingsError(f"{section}.{key} must be more than 0")
    ports = {f"ports.{name}": port for name, port in settings.port_numbers.items()}
    if settings.admin.enabled:
        ports["admin.port"] = settings.admin.port
    for where, port in ports.items():
        if port > 65535:
            raise SettingsError(f"{where} must be at most 65535, not {port}")
    fixed = [port for port in ports.values() if port]
    if len(set(fixed)) < len(fixed):
        raise SettingsError(f"two listeners share a port: {ports}")
    sections: tuple[tuple[str, Voice | Recognition], ...]
    sections = (("voice", settings.voice), ("recognition", settings.recognition))
    for where, listening in sections:
        if not 0 < listening.speech_out_probability <= listening.speech_in_probability < 1:
            raise SettingsError(f"{where}: 0 < speech_out_probability <= speech_in_probability < 1 must hold")
    limits = settings.limits
    if limits.rest_held_bytes + limits.files_held_bytes >= limits.held_bytes:
        raise SettingsError("limits.held_bytes must be more than rest_held_bytes and files_held_bytes together: "
                            "what is left is for live and voice streams")  # fmt: skip
    if settings.recognition.piece_seconds > settings.recognition.longest_piece_seconds > 0:
        raise SettingsError("recognition: piece_seconds must be at most longest_piece_seconds")
    if not 1 <= settings.live.longest_seconds <= 15:
        raise SettingsError(f"live.longest_seconds must be between 1 and 15, not {settings.live.longest_seconds}")
    _check_server(settings.server)
    _check_postprocess(settings.postprocess)
    _check_keys(settings.keys)
    _check_exports(settings.exports)
    if settings.log.level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise SettingsError(f"log.level must be DEBUG, INFO, WARNING or ERROR, not {settings.log.level!r}")


def _check_server(server: Server) -> None:
    if server.workers > MAX_WORKERS:
        raise SettingsError(f"server.workers must be at most {MAX_WORKERS}, not {server.workers}")
    for name in server.allowed_hosts:
        if not name or set(name) & set("/:@ "):
            raise SettingsError(f"server.allowed_hosts must hold names without scheme and port, or *, not {name!r}")
    for origin in server.allowed_origins:
        url = urllib.parse.urlsplit(origin)
        if origin not in ("*", "null") and (not url.scheme or not url.netloc or url.path):
            raise SettingsError(f"server.allowed_origins must hold scheme://host, without a path, or *, not {origin!r}")


def _check_postprocess(postprocess: Postprocess) -> None:
    """What would otherwise fail at the first client; the key is never repeated."""
    url = urllib.parse.urlsplit(postprocess.base_url)
    if postprocess.base_url and (url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment):
        raise SettingsError("postprocess.base_url must look like https://host/v1, without anything behind it")
    if url.username is not None or url.password is not None:
        raise SettingsError("postprocess.base_url must hold no password: put it into postprocess.api_key")
    if not (postprocess.api_key.isascii() and postprocess.api_key.isprintable()):
        raise SettingsError("postprocess.api_key must be one line of ASCII characters")
    if postprocess.enabled and not (postprocess.base_url and postprocess.model):
        raise SettingsError("postprocess.enabled needs postprocess.base_url and postprocess.model")


def _check_keys(keys: Keys) -> None:
    """The keys themselves are never repeated."""
    names = [entry.partition(":")[0] for entry in keys.clients]
    for name, entry in zip(names, keys.clients, strict=True):
        if not (name and name.isprintable() and entry.isascii() and entry.removeprefix(f"{name}:") not in ("", entry)):
            raise SettingsError('keys.clients must hold "name:key" in ASCII, each with a name and a key')
        if len(entry) - len(name) > LONGEST_KEY_BYTES:
            raise SettingsError(f"keys.clients must hold keys of at most {LONGEST_KEY_BYTES} characters")
    if len(set(names)) < len(names):
        raise SettingsError("keys.clients holds a name twice")


def _check_exports(exports: Exports) -> None:
    if exports.store not in ("local", "s3"):
        raise SettingsError(f"exports.store must be local or s3, not {exports.store!r}")
    if exports.store == "s3" and not exports.s3_bucket:
        raise SettingsError("exports.store: s3 needs exports.s3_bucket")
    url = urllib.parse.urlsplit(exports.s3_endpoint)
    if exports.s3_endpoint and (url.scheme not in ("http", "https") or not url.hostname or url.query or url.username):
        raise SettingsError("exports.s3_endpoint must look like https://host:port, or be empty for AWS")
    if bool(exports.s3_access_key_id) != bool(exports.s3_secret_access_key):
        raise SettingsError("exports: set both s3_access_key_id and s3_secret_access_key, or neither")
