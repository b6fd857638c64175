"""What protocols, tasks and the session say to each other.

Commands are what a protocol wants done, events what a task found out. All are frozen values.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from frontend.errors import GatewayError
from frontend.machines.summary import SpeechSummary
from frontend.machines.verification import Interval
from frontend.speech import SpeechService

Message = str | bytes


@dataclass(frozen=True)
class Caller:
    """Who is at the other end."""

    connection_id: str
    address: str
    key_name: str | None = None


class Text(Protocol):
    """The text of a frame: a str, or something that is written out only when the client takes it."""

    def encode(self) -> bytes: ...


# Commands


@dataclass(frozen=True)
class Reply:
    """Answer the message in hand."""

    text: Text


@dataclass(frozen=True)
class Refuse:
    """Answer the message in hand with an error; the reason is for the log."""

    text: Text
    reason: GatewayError


@dataclass(frozen=True)
class Start:
    """Begin a task; the audio that follows belongs to it."""

    task: "Task"


@dataclass(frozen=True)
class Audio:
    """Give this to the task; the event that comes of it answers the message in hand."""

    data: bytes


@dataclass(frozen=True)
class HangUp:
    """Close the connection once everything before has been sent."""

    code: int = 1000
    reason: str = ""


Command = Reply | Refuse | Start | Audio | HangUp


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


Event = EndpointWatched | SpeechSummarised | VoiceVerified | Failed


class AudioSource(Protocol):
    """Where a task gets its audio from."""

    async def take(self) -> Sequence[bytes]:
        """The messages that wait, at least one and up to a bound."""
        ...


class Task(Protocol):
    """Work on one stream of audio; yields exactly one event for each message it takes, in order."""

    def run(self, audio: AudioSource, speech: SpeechService) -> AsyncIterator[Event]: ...
