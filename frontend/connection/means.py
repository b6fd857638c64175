"""What the session of one connection works with."""

from dataclasses import dataclass, field

from frontend.config.settings import Limits
from frontend.connection.audio_queue import Backlog
from frontend.connection.inbox import Inbox
from frontend.connection.outbox import Outbox
from frontend.dialogue.services import Services
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics


@dataclass(frozen=True)
class Means:
    services: Services
    inbox: Inbox
    outbox: Outbox
    backlog: Backlog
    metrics: Metrics
    log: Log
    limits: Limits = field(default_factory=Limits)
