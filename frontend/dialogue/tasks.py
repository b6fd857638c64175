"""What a task or a job is, and what the connection gives it."""

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from frontend.dialogue.events import Event
from frontend.dialogue.services import Services
from frontend.memory.budget import Lease


class AudioReader(Protocol):
    """Who takes a stream's audio out of its queue."""

    def receive(self, message: bytes, lease: Lease) -> bool:
        """A message the moment it comes, if nothing waits before it: whether it is taken, and what holds it taken over.

        Else it waits to be taken.
        """
        ...

    def audio_waits(self) -> None:
        """There is something to take, or the audio is over."""
        ...

    def close(self) -> None:
        """The stream is over, whatever was read of it."""
        ...


class Tee(Protocol):
    """Where a stream's audio is written as it comes; what waits for the models is read from there again."""

    def append(self, audio: bytes) -> bool:
        """Whether so much waits for the disk now that whoever pushes has to."""
        ...

    async def written(self) -> int:
        """Wait until what was appended is in the file, as far as it will ever be: how many bytes of it are."""
        ...

    async def read(self, offset_bytes: int, size_bytes: int) -> bytes: ...


class Audio(Protocol):
    """The audio of one stream that nobody has taken yet, the oldest first."""

    def read_by(self, reader: AudioReader) -> None:
        """Tell this one from now on."""
        ...

    async def record_with(self, tee: Tee) -> None:
        """Write down what has come and what comes."""
        ...

    def take(self) -> Sequence[bytes]:
        """The messages at hand, up to a bound; none where it waits for the disk or for the client."""
        ...

    async def wait(self) -> None:
        """Until there is something to take, or the audio is over. In place of a reader."""
        ...

    def lease(self, size_bytes: int = 0) -> Lease:
        """To hold what becomes of the audio."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether more has come already."""
        ...

    @property
    def over(self) -> bool:
        """Whether everything was taken and nothing more will come."""
        ...

    @property
    def interrupted(self) -> bool:
        """Whether the audio is over because the client vanished, not because it said so."""
        ...

    @property
    def received_bytes(self) -> int:
        """How much has come in all."""
        ...

    # Behind so many bytes of it the client wants to know what was said: its reader takes each out on coming there.
    flushes: list[int]


class Stream(Protocol):
    """One stream of audio on a connection, as its task knows it."""

    audio: Audio
    services: Services
    # The name of whose stream it is, for metrics.
    protocol: str

    def tell(self, event: Event) -> None:
        """What was found out. It answers the oldest message that waits for an answer, if messages do."""
        ...

    def fail(self, error: Exception) -> None:
        """The stream cannot go on."""
        ...


class Task(Protocol):
    """Work on one stream of audio. For audio that is answered it tells exactly one event a message, in order."""

    @property
    def outlives_client(self) -> bool:
        """When the client is gone: take what waits and finish (True), or stop at once."""
        return False

    def begin(self, stream: Stream) -> Coroutine[Any, Any, None] | None:
        """Take the audio from now on. What has to wait for more than voice activity comes back as a coroutine."""
        ...


class Job(Protocol):
    """Work on what is known already, for one event."""

    async def run(self, services: Services) -> Event: ...
