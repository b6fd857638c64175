"""What every wire protocol is: a pure machine from messages to commands and from events to commands."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from multidict import MultiDict, MultiMapping

from frontend.caller import Caller
from frontend.config import settings
from frontend.dialogue.commands import Command, HangUp
from frontend.dialogue.events import Event
from frontend.dialogue.messages import FrameKind, Message, RawMessage
from frontend.errors import ClientError, GatewayError, ProtocolError
from frontend.keys.places import IN_REQUEST, Place
from frontend.keys.visits import Visit
from frontend.speech import Manifest, ModelRef

# Of what a client wrote, so much at most stands in what it is told.
SHOWN_CHARACTERS = 100
_RATES = range(8000, 48001)
_OBJECT_CHARACTERS = 65_536


@dataclass(frozen=True)
class Context:
    """What a conversation can know when it begins: who calls, the settings, what the models said of themselves."""

    visit: Visit
    options: settings.Settings
    manifests: dict[str, Manifest]
    # 32 hexadecimal characters that nobody can guess: what the connection leaves behind is found under them.
    stream_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    # What stands behind the path that was asked for; a name may stand there more than once.
    query: MultiMapping[str] = field(default_factory=MultiDict)

    @property
    def caller(self) -> Caller:
        return self.visit.caller

    @property
    def needs_key(self) -> bool:
        """Whether the caller has yet to show one."""
        return self.visit.needs_key


@dataclass(frozen=True)
class Profile:
    """What the gateway must know of a protocol before it says a word; each field has this one meaning."""

    # The path it is served at, none where it is no WebSocket's, and the name that metrics and logs know it by.
    path: str
    name: str
    # Without these models the upgrade is refused.
    models: tuple[ModelRef, ...]
    # The key of `limits` that bounds its messages.
    message_limit: str
    # Whose share of the memory its messages are held in: of speech as it is spoken, or of whole files.
    memory_share: Literal["streams", "files"] = "streams"
    # The kinds of frames that hold JSON; of these it receives JsonMessages.
    json_frames: frozenset[FrameKind] = frozenset()
    # Whether a large binary message comes as a MemoryFile.
    takes_files: bool = False
    # Whether each message gets exactly one reply.
    lock_step: bool = False
    # Where its clients put their key, where keys are needed. Only where that may be in a message is a client let in
    # without one, which the protocol then asks for.
    keys: frozenset[Place] = IN_REQUEST
    # Who may go on with a conversation of it, by their names; empty: nobody else.
    settles_as: tuple[str, ...] = ()
    # What carries its messages: WebSockets, or on the port of its name events over a plain connection.
    transport: Literal["websocket", "events"] = "websocket"


class WireProtocol(Protocol):
    """One client's conversation. No clock, no socket, no waiting: the session reads and acts."""

    profile: ClassVar[Profile]

    def __init__(self, context: Context) -> None: ...

    def headers(self) -> Mapping[str, str]:
        """What it adds to the response that accepts the connection."""
        return {}

    def begin(self) -> Iterator[Command]:
        """What is done before the first message."""
        return iter(())

    def settled(self, frame: RawMessage) -> "WireProtocol":
        """Who goes on with the conversation, which this frame begins; nearly always itself."""
        return self

    def receive(self, message: Message) -> Iterable[Command]:
        """What a client's message asks for."""
        ...

    def send(self, event: Event) -> Iterable[Command]:
        """What an event means to the client."""
        ...

    def refuse(self, error: GatewayError) -> Iterator[Command]:
        """What is said to a message that cannot be understood: receive raised this error, or a ValueError."""
        yield HangUp(error.close_code, str(error))


def understood(protocol: WireProtocol, message: Message) -> Sequence[Command]:
    """What a message asks for, understood whole or not at all."""
    try:
        return tuple(protocol.receive(message))
    except ClientError as e:
        return list(protocol.refuse(e))
    except ValueError:
        return list(protocol.refuse(ProtocolError("the message cannot be understood")))


def language_of(value: Any, known: Sequence[str]) -> str:
    """A language code as the models write it; ProtocolError for what is none that they know."""
    if not isinstance(value, str):
        raise ProtocolError("language must be a language code or null")
    code = value.strip().lower()
    if code not in known:
        raise ProtocolError(f"unsupported language: {value[:SHOWN_CHARACTERS]}")
    return code


def rate_of(value: Any) -> int:
    """A sampling rate, as a number or a string."""
    try:
        rate = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        rate = 0.0
    if not rate.is_integer() or int(rate) not in _RATES:
        raise ProtocolError("sample_rate must be between 8000 and 48000")
    return int(rate)


def object_of(text: str) -> Mapping[str, Any]:
    """The JSON object that a short text holds; an empty one where it holds none, or is not worth the time to read."""
    try:
        content = json.loads(text) if len(text) <= _OBJECT_CHARACTERS else None
    except (ValueError, RecursionError):
        content = None
    return content if isinstance(content, dict) else {}
