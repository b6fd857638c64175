"""What the session of one connection works with."""

from dataclasses import dataclass, field

from frontend.backlog import Backlog
from frontend.inbox import Inbox
from frontend.logs import Log
from frontend.metrics import Metrics
from frontend.outbox import Outbox
from frontend.services import Services
from frontend.settings import Limits


@dataclass(frozen=True)
class Means:
    services: Services
    inbox: Inbox
    outbox: Outbox
    backlog: Backlog
    metrics: Metrics
    log: Log
    limits: Limits = field(default_factory=Limits)
