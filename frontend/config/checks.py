"""What settings must be to be used, told before anything starts and without repeating a secret."""

import dataclasses
import ipaddress
import urllib.parse
from collections.abc import Collection, Iterable

from yarl import URL

from frontend.config.services import Deepgram, Postprocess, Voice
from frontend.config.settings import LONGEST_KEY_BYTES, PLAIN_PORTS, Exports, Keys, Recognition, Server, Settings
from frontend.errors import SettingsError

MAX_WORKERS = 64
# With nothing of these nothing is served.
_NEVER_ZERO = (
    "server.workers",
    "server.max_connections",
    "server.head_seconds",
    "server.idle_seconds",
    "triton.max_in_flight",
    "triton.asr_in_flight",
    "triton.attempt_seconds",
    "triton.asr_attempt_seconds",
    "triton.resolve_seconds",
    "triton.silent_seconds",
    "admission.loop_lag_seconds",
    "admission.queue_seconds",
    "admission.live_lag_seconds",
    "admission.files_percent",
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
    "live.opening_seconds",
    "live.partial_seconds",
    "postprocess.timeout_seconds",
    "postprocess.max_at_once",
    "postprocess.max_answer_bytes",
    "keys.reload_seconds",
    "tls.reload_seconds",
    "tls.handshake_seconds",
    "keys.show_seconds",
    "exports.retention_hours",
    "exports.quota_bytes",
    "exports.s3_attempt_seconds",
)


def check(settings: Settings) -> None:
    """SettingsError where they cannot be used."""
    for section, keys in dataclasses.asdict(settings).items():
        for key, value in keys.items():
            if isinstance(value, int | float) and not 0 <= value < float("inf"):
                raise SettingsError(f"{section}.{key} must be a finite number of at least 0, not {value}")
            if value == 0 and f"{section}.{key}" in _NEVER_ZERO:
                raise SettingsError(f"{section}.{key} must be more than 0")
    _check_ports(settings)
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
    try:
        _ = settings.triton.targets
    except ValueError as e:
        raise SettingsError(f"triton.endpoints: {e}") from None
    _check_server(settings.server)
    if bool(settings.tls.certificate) != bool(settings.tls.key):
        raise SettingsError("tls: set both certificate and key, or neither")
    _check_deepgram(settings.deepgram)
    _check_postprocess(settings.postprocess)
    _check_keys(settings.keys)
    _check_exports(settings.exports)
    if settings.log.level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise SettingsError(f"log.level must be DEBUG, INFO, WARNING or ERROR, not {settings.log.level!r}")


def require_known(where: str, names: Iterable[str], known: Collection[str]) -> None:
    """A name that is spelled wrong would shut out, or let in, in silence."""
    for name in names:
        if name not in known:
            raise SettingsError(f"{where} names {name!r}: there is only {', '.join(sorted(known))}")


def _check_ports(settings: Settings) -> None:
    ports = {f"ports.{name}": port for name, port in settings.port_numbers.items()}
    if settings.admin.enabled:
        ports["admin.port"] = settings.admin.port
    for where, port in ports.items():
        if port > 65535:
            raise SettingsError(f"{where} must be at most 65535, not {port}")
    fixed = [port for port in ports.values() if port]
    if len(set(fixed)) < len(fixed):
        raise SettingsError(f"two listeners share a port: {ports}")
    known = {*settings.port_numbers, "admin"}  # which has it alone where it is
    require_known("server.json_metrics_ports", settings.server.json_metrics_ports, known)


def _check_server(server: Server) -> None:
    if server.workers > MAX_WORKERS:
        raise SettingsError(f"server.workers must be at most {MAX_WORKERS}, not {server.workers}")
    for name in server.allowed_hosts:
        if not name or set(name) & set("/:@ "):
            raise SettingsError(f"server.allowed_hosts must hold names without scheme and port, or *, not {name!r}")
    for origin in server.allowed_origins:
        if origin not in ("*", "null") and not _is_origin(origin):
            raise SettingsError(f"server.allowed_origins must hold scheme://host, without a path, or *, not {origin!r}")
    for proxy in server.trusted_proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as e:
            raise SettingsError(f"server.trusted_proxies must hold addresses or networks, not {proxy!r}: {e}") from None


def _is_origin(text: str) -> bool:
    url = urllib.parse.urlsplit(text)
    return bool(url.scheme and url.netloc) and text == f"{url.scheme}://{url.netloc}"


def _check_deepgram(deepgram: Deepgram) -> None:
    for origin in deepgram.url_origins:
        if not _is_origin(origin) or not origin.startswith(("http://", "https://")) or "@" in origin:
            raise SettingsError(f"deepgram.url_origins must hold https://host, without a path, not {origin!r}")
        # Those of addresses are compared as they are written shortest; another would never be met.
        try:
            written = str(URL(origin).origin())
        except ValueError as e:
            raise SettingsError(f"deepgram.url_origins: {origin!r} is no origin: {e}") from None
        if origin != written:
            raise SettingsError(f"deepgram.url_origins must hold {written!r} in place of {origin!r}")


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
    require_known("keys.without", keys.without, PLAIN_PORTS)


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
