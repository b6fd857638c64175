"""What every wire protocol is: a pure machine from messages to commands and from events to commands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

from frontend import settings
from frontend.conversation import Caller, Command, Event, Message
from frontend.speech import Manifest, ModelRef


@dataclass(frozen=True)
class Setting:
    """What a conversation can know when it begins: who calls, the settings, what the models said of themselves."""

    caller: Caller
    options: settings.Settings
    manifests: dict[str, Manifest]


class WireProtocol(Protocol):
    """One client's conversation. No clock, no socket, no waiting: the session reads and acts."""

    # The path it is served at, and the name that metrics and logs know it by.
    path: ClassVar[str]
    name: ClassVar[str]
    # Without these models the upgrade is refused.
    models: ClassVar[tuple[ModelRef, ...]]
    # The key of `limits` that bounds its messages.
    message_limit: ClassVar[str]

    def __init__(self, setting: Setting) -> None: ...

    def receive(self, message: Message) -> Iterator[Command]:
        """What a client's message asks for."""
        ...

    def send(self, event: Event) -> Iterator[Command]:
        """What an event means to the client."""
        ...
