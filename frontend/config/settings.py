"""The configuration's sections, each a frozen dataclass whose fields are its keys; `gateway.yaml` documents them.

Those of what is offered to clients are in `services.py`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.config import services
from frontend.config.triton import Triton as Triton

# Of the ports those that speak no HTTP: plain connections, without TLS.
PLAIN_PORTS = ("wyoming",)
# A longer key is nobody's: not worth the time that hashing it takes.
LONGEST_KEY_BYTES = 1024


@dataclass(frozen=True)
class Server:
    host: str = "127.0.0.1"
    workers: int = 1
    hung_seconds: float = 10.0
    max_connections: int = 1000
    drain_seconds: float = 10.0
    close_linger_seconds: float = 2.0
    keepalive_seconds: int = 60
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ("*",)
    trusted_proxies: tuple[str, ...] = ()
    json_metrics_ports: tuple[str, ...] = ()

    @property
    def stop_seconds(self) -> float:
        """How long a stop takes at most: sockets, requests over HTTP and calls under way drain, one after the other."""
        return 3 * self.drain_seconds + 3 * self.close_linger_seconds + 1.0


@dataclass(frozen=True)
class Ports:
    whisper: int = 8000
    live: int = 8394
    rest: int = 8393
    voice: int = 8080
    transcribe: int = 8765
    vosk: int = 2700
    wyoming: int = 10300


@dataclass(frozen=True)
class Admin:
    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 8099
    public_metrics: bool = False


@dataclass(frozen=True)
class Tls:
    certificate: str = ""
    key: str = ""
    reload_seconds: float = 10.0
    handshake_seconds: float = 10.0


@dataclass(frozen=True)
class Limits:
    voice_message_bytes: int = 1 << 20
    file_message_bytes: int = 64 << 20
    live_message_bytes: int = 1 << 20
    discard_bytes: int = 16 << 20
    upload_bytes: int = 64 << 20
    upload_idle_seconds: float = 10.0
    unknown_message_bytes: int = 64 << 10
    outbox_bytes: int = 32 << 20
    inbox_bytes: int = 128 << 20
    outlive_seconds: float = 3600.0
    farewell_seconds: float = 300.0
    held_bytes: int = 3 << 29
    rest_held_bytes: int = 512 << 20
    files_held_bytes: int = 512 << 20
    backlog_memory_bytes: int = 1 << 20
    spool_bytes: int = 8 << 30
    spool_directory: str = "var/spool"


@dataclass(frozen=True)
class Admission:
    enabled: bool = True
    loop_lag_seconds: float = 0.1
    queue_seconds: float = 0.5
    live_lag_seconds: float = 0.6
    files_percent: float = 90.0


@dataclass(frozen=True)
class Batching:
    wait_ms: float = 50.0
    vad_rows: int = 64
    speaker_embedding_rows: int = 16
    language_id_rows: int = 16
    max_bytes: int = 2 << 20


@dataclass(frozen=True)
class Recognition:
    speech_in_probability: float = 0.5
    speech_out_probability: float = 0.35
    piece_seconds: float = 0.0
    longest_piece_seconds: float = 0.0
    pause_seconds: float = 0.3
    margin_seconds: float = 0.25
    pieces_at_once: int = 8
    context_seconds: float = 12.0
    language_min_speech_seconds: float = 2.0
    language_max_speech_seconds: float = 30.0


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
class Keys:
    clients: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[str, ...] = ()
    reload_seconds: float = 2.0
    show_seconds: float = 10.0
    wrong_free: int = 10
    wrong_first_seconds: float = 4.0
    wrong_seconds: float = 60.0
    without: tuple[str, ...] = ()
    ticket_secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Quota:
    """What one key or one address may have; of a number 0 means as much as there is, of names none means all."""

    streams: int = 0
    requests_a_minute: int = 0
    audio_seconds_a_day: float = 0.0
    bytes_a_day: int = 0
    protocols: tuple[str, ...] = ()
    recordings: bool = True


@dataclass(frozen=True)
class Exports:
    enabled: bool = True
    directory: str = "var/exports"
    retention_hours: float = 72.0
    quota_bytes: int = 20 << 30
    min_free_bytes: int = 1 << 30
    write_seconds: float = 0.9
    store: str = "local"
    s3_endpoint: str = ""
    s3_bucket: str = ""
    s3_prefix: str = "exports"
    s3_region: str = "us-east-1"
    s3_access_key_id: str = ""
    s3_secret_access_key: str = field(default="", repr=False)
    s3_ca_file: str = ""
    s3_attempt_seconds: float = 60.0


@dataclass(frozen=True)
class Log:
    level: str = "INFO"
    json: bool = False


@dataclass(frozen=True)
class Settings:
    server: Server = field(default_factory=Server)
    ports: Ports = field(default_factory=Ports)
    admin: Admin = field(default_factory=Admin)
    tls: Tls = field(default_factory=Tls)
    limits: Limits = field(default_factory=Limits)
    triton: Triton = field(default_factory=Triton)
    admission: Admission = field(default_factory=Admission)
    batching: Batching = field(default_factory=Batching)
    voice: services.Voice = field(default_factory=services.Voice)
    recognition: Recognition = field(default_factory=Recognition)
    language_detection: services.LanguageDetection = field(default_factory=services.LanguageDetection)
    transcribe: services.Transcribe = field(default_factory=services.Transcribe)
    media: Media = field(default_factory=Media)
    live: services.Live = field(default_factory=services.Live)
    deepgram: services.Deepgram = field(default_factory=services.Deepgram)
    wyoming: services.Wyoming = field(default_factory=services.Wyoming)
    openai: services.OpenAI = field(default_factory=services.OpenAI)
    postprocess: services.Postprocess = field(default_factory=services.Postprocess)
    keys: Keys = field(default_factory=Keys)
    key_limits: Quota = field(default_factory=Quota)
    address_limits: Quota = field(default_factory=Quota)
    exports: Exports = field(default_factory=Exports)
    log: Log = field(default_factory=Log)

    @property
    def port_numbers(self) -> Mapping[str, int]:
        return dataclasses.asdict(self.ports)
