"""The configuration: one YAML file, overridden by environment variables, checked before anything starts.

Each section is a frozen dataclass whose fields are its keys; `gateway.yaml` beside this file documents every one of
them. GATEWAY_<SECTION>__<KEY>=<YAML value> overrides a key.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from frontend.errors import SettingsError

DEFAULT_FILE = Path(__file__).with_name("gateway.yaml")
PREFIX = "GATEWAY_"
# With nothing of these nothing is served.
_NEVER_ZERO = (
    "server.max_connections",
    "triton.max_in_flight",
    "triton.attempt_seconds",
    "batching.vad_rows",
    "batching.speaker_embedding_rows",
    "voice.verify_hop_seconds",
    "voice.verify_window_seconds",
    "voice.verify_min_speech_seconds",
    "limits.upload_idle_seconds",
    "media.workers",
    "media.recordings",
)


@dataclass(frozen=True)
class Server:
    host: str = "127.0.0.1"
    max_connections: int = 1000
    drain_seconds: float = 10.0
    close_linger_seconds: float = 2.0
    keepalive_seconds: int = 60
    cors_origins: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Ports:
    whisper: int = 8000
    live: int = 8394
    rest: int = 8393
    voice: int = 8080
    transcribe: int = 8765


@dataclass(frozen=True)
class Limits:
    voice_message_bytes: int = 1 << 20
    discard_bytes: int = 16 << 20
    upload_bytes: int = 64 << 20
    upload_idle_seconds: float = 10.0
    outbox_bytes: int = 32 << 20
    held_bytes: int = 1 << 30
    rest_held_bytes: int = 512 << 20
    backlog_memory_bytes: int = 1 << 20
    spool_bytes: int = 8 << 30
    spool_directory: str = "var/spool"


@dataclass(frozen=True)
class Triton:
    host: str = "127.0.0.1"
    grpc_port: int = 8001
    http_port: int = 8010
    metrics_port: int = 8002
    max_in_flight: int = 4
    attempt_seconds: float = 10.0
    give_up_seconds: float = 60.0
    cancel_calls: bool = False
    readiness_cache_seconds: float = 1.0


@dataclass(frozen=True)
class Batching:
    wait_ms: float = 4.0
    vad_rows: int = 64
    speaker_embedding_rows: int = 16
    max_bytes: int = 2 << 20


@dataclass(frozen=True)
class Voice:
    speech_in_probability: float = 0.5
    speech_out_probability: float = 0.35
    summary_frames_seconds: float = 1200.0
    verify_hop_seconds: float = 1.0
    verify_window_seconds: float = 3.0
    verify_min_speech_seconds: float = 0.5
    verify_max_context_seconds: float = 600.0
    verify_max_window_seconds: float = 30.0
    template_min_speech_seconds: float = 1.0
    template_max_speech_seconds: float = 120.0


@dataclass(frozen=True)
class Media:
    workers: int = 2
    recordings: int = 8
    processor_seconds: float = 60.0
    job_seconds: float = 300.0
    memory_bytes: int = 1 << 30
    decoded_seconds: float = 3600.0
    max_waiting: int = 64


@dataclass(frozen=True)
class Log:
    level: str = "INFO"
    json: bool = False


@dataclass(frozen=True)
class Settings:
    server: Server = field(default_factory=Server)
    ports: Ports = field(default_factory=Ports)
    limits: Limits = field(default_factory=Limits)
    triton: Triton = field(default_factory=Triton)
    batching: Batching = field(default_factory=Batching)
    voice: Voice = field(default_factory=Voice)
    media: Media = field(default_factory=Media)
    log: Log = field(default_factory=Log)

    @property
    def port_numbers(self) -> Mapping[str, int]:
        return dataclasses.asdict(self.ports)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a file (the bundled one by default) with the environment's overrides."""
    path = path or DEFAULT_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError as e:
        raise SettingsError(f"no configuration file {path}: name an existing one with --config") from e
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise SettingsError(f"cannot read the configuration file {path}: {e}") from e
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold sections (server:, ports:, ...), not a {type(content).__name__}")
    values = {section: dict(keys or {}) if isinstance(keys, dict | None) else keys for section, keys in content.items()}
    for name, text in environ.items():
        if name.startswith(PREFIX):
            _override(values, name, text)
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
        raise SettingsError(f"{where} must be a list of strings, not {value!r}")
    if type(value) is not wanted:
        raise SettingsError(f"{where} must be of type {wanted.__name__}, not {value!r}")
    return value


def _check(settings: Settings) -> None:
    for section, keys in dataclasses.asdict(settings).items():
        for key, value in keys.items():
            if isinstance(value, int | float) and not 0 <= value < float("inf"):
                raise SettingsError(f"{section}.{key} must be a finite number of at least 0, not {value}")
            if value == 0 and f"{section}.{key}" in _NEVER_ZERO:
                raise SettingsError(f"{section}.{key} must be more than 0")
    ports = settings.port_numbers
    for name, port in ports.items():
        if port > 65535:
            raise SettingsError(f"ports.{name} must be at most 65535, not {port}")
    fixed = [port for port in ports.values() if port]
    if len(set(fixed)) < len(fixed):
        raise SettingsError(f"two listeners share a port: {dict(ports)}")
    if not 0 < settings.voice.speech_out_probability <= settings.voice.speech_in_probability < 1:
        raise SettingsError("voice: 0 < speech_out_probability <= speech_in_probability < 1 must hold")
    if settings.log.level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise SettingsError(f"log.level must be DEBUG, INFO, WARNING or ERROR, not {settings.log.level!r}")
