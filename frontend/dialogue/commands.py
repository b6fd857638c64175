"""What protocols, tasks and the session say to each other.

Commands are what a protocol wants done, events what a task found out. All are frozen values.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from frontend.dialogue.events import LanguageDetected, RecordingTranscribed, TimedOut
from frontend.dialogue.messages import JsonMessage
from frontend.dialogue.services import Services
from frontend.errors import GatewayError
from frontend.machines.summary import SpeechSummary
from frontend.machines.verification import Interval
from frontend.memory.memory_file import MemoryFile
from frontend.speech import Word
from frontend.telemetry.metrics import RequestEnded

Message = str | bytes | MemoryFile | JsonMessage


class Text(Protocol):
    """The text of a frame: a str, or something that is written out only when the client takes it."""

    def encode(self) -> bytes: ...


# Commands


@dataclass(frozen=True)
class Reply:
    """Answer the message in hand, or what the event in hand belongs to; several answers are sent in this order."""

    text: Text


@dataclass(frozen=True)
class Refuse:
    """Answer with an error; the reason is for the log."""

    text: Text
    reason: GatewayError


@dataclass(frozen=True)
class Push:
    """Say something that answers nothing in particular, behind everything that waits to be sent."""

    text: Text


@dataclass(frozen=True)
class Start:
    """Begin a task; the audio that follows belongs to it."""

    task: "Task"


@dataclass(frozen=True)
class Audio:
    """Give this to the task. The event that comes of it answers the message in hand, unless events come as they may."""

    data: bytes | MemoryFile
    answered: bool = True


@dataclass(frozen=True)
class EndOfAudio:
    """Let the task take what waits and finish."""


@dataclass(frozen=True)
class Ask:
    """Do a job; its event answers the message in hand. The jobs of a connection are done one after another."""

    job: "Job"


@dataclass(frozen=True)
class Alarm:
    """Send TimedOut after so long, in place of any alarm set before; None: no more alarm.

    While anything of a message comes it is put off, unless it is `strict`.
    """

    seconds: float | None
    strict: bool = False


@dataclass(frozen=True)
class Count:
    """Count a request that has ended; its time runs from the arrival of the message in hand."""

    request: RequestEnded


@dataclass(frozen=True)
class HangUp:
    """Close the connection once everything before has been sent. Nothing is heard any more."""

    code: int = 1000
    reason: str = ""


Command = Reply | Refuse | Push | Start | Audio | EndOfAudio | Ask | Alarm | Count | HangUp


# Events


@dataclass(frozen=True)
class EndpointWatched:
    ended: bool


@dataclass(frozen=True)
class SpeechSummarised:
    summary: SpeechSummary


@dataclass(frozen=True)
class Verified:
    """One window's comparison with the template."""

    interval: Interval
    probability: float
    score: float


@dataclass(frozen=True)
class VoiceVerified:
    """The comparisons of the windows that a message completed; often none."""

    results: tuple[Verified, ...]


@dataclass(frozen=True)
class Failed:
    """A message whose audio gave no result; the stream goes on."""

    error: GatewayError


@dataclass(frozen=True)
class PartialHeard:
    """Words since the last final; they may still change."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class FinalHeard:
    """Words that do not change any more."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class Exported:
    """The stream is over, and kept under this id; the error says why not all of it is."""

    export_id: str
    error: GatewayError | None = None


Event = (
    EndpointWatched
    | SpeechSummarised
    | VoiceVerified
    | Failed
    | PartialHeard
    | FinalHeard
    | Exported
    | LanguageDetected
    | RecordingTranscribed
    | TimedOut
)


class AudioSource(Protocol):
    """Where a task gets its audio from."""

    async def take(self) -> Sequence[bytes]:
        """The messages that wait, at least one and up to a bound; none once the audio is over."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether more has come already."""
        ...

    @property
    def interrupted(self) -> bool:
        """Whether the audio is over because the client vanished, not because it said so."""
        ...


class Task(Protocol):
    """Work on one stream of audio.

    For audio that is answered it yields exactly one event a message, in order; else events as they come.
    """

    # When the client is gone: take what waits and finish (True), or stop at once.
    outlives_client: ClassVar[bool] = False

    def run(self, audio: AudioSource, services: Services) -> AsyncIterator[Event]: ...


class Job(Protocol):
    """Work on what is known already, for one event."""

    async def run(self, services: Services) -> Event: ...
