"""What a protocol wants done. All are values that nobody changes.

What nearly every message makes, here and elsewhere, is not frozen: making it would take five times as long.
"""

from dataclasses import dataclass
from typing import Protocol

from frontend.dialogue.tasks import Job, Task
from frontend.errors import GatewayError
from frontend.memory.memory_file import MemoryFile
from frontend.telemetry.metrics import RequestEnded


class Text(Protocol):
    """The text of a message: a str, or something that is written out only when the client takes it."""

    def encode(self) -> bytes: ...


@dataclass(slots=True)
class Reply:
    """Answer the message in hand, or what the event in hand belongs to; several answers are sent in this order."""

    text: Text


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an error; the reason is for the log."""

    text: Text
    reason: GatewayError


@dataclass(frozen=True, slots=True)
class Push:
    """Say something that answers nothing in particular, behind everything that waits to be sent."""

    text: Text


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a task; the audio that follows belongs to it."""

    task: Task


@dataclass(slots=True)
class Audio:
    """Give this to the task. The event that comes of it answers the message in hand, unless events come as they may.

    A packet stays apart from what comes before and after it; so does what is answered.
    """

    data: bytes | MemoryFile
    answered: bool = True
    packet: bool = False


@dataclass(frozen=True, slots=True)
class Flush:
    """Let the task say now what it knows of the audio before, for good; more may follow."""


@dataclass(frozen=True, slots=True)
class EndOfAudio:
    """Let the task take what waits and finish."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Do a job; its event answers the message in hand. The jobs of a connection are done one after another."""

    job: Job


@dataclass(frozen=True, slots=True)
class Alarm:
    """Send TimedOut after so long, in place of any alarm set before; None: no more alarm.

    While anything of a message comes it is put off, unless it is `strict`.
    """

    seconds: float | None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """Count a request that has ended; its time runs from the arrival of the message in hand."""

    request: RequestEnded


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection once everything before has been sent. Nothing is heard any more."""

    code: int = 1000
    reason: str = ""


Command = Reply | Refuse | Push | Start | Audio | Flush | EndOfAudio | Ask | Alarm | Count | HangUp
