"""What the work for one connection may use."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from frontend.caller import Caller
from frontend.keys.visits import Visit
from frontend.media.decoder import MediaDecoder
from frontend.memory.budget import Allowance, Budget, Lease
from frontend.speech import SpeechService, Word
from frontend.telemetry.metrics import Metrics


class Export(Protocol):
    """One stream's audio and transcript, kept as they come; OverloadedError when the disk takes no more."""

    def append(self, audio: bytes) -> bool:
        """Whether so much waits for the disk now that whoever pushes has to."""
        ...

    async def written(self) -> int: ...

    async def read(self, offset_bytes: int, size_bytes: int) -> bytes: ...

    async def final(self, words: Sequence[Word], text: str) -> None: ...

    async def complete(self) -> None: ...

    async def interrupt(self) -> None: ...


class Exports(Protocol):
    async def begin(self, export_id: str, caller: Caller, rate: int, lease: Lease) -> Export | None:
        """None where nothing is kept."""
        ...


class Postprocessor(Protocol):
    @property
    def configured(self) -> bool: ...

    async def correct(self, text: str, language: str) -> str: ...


@dataclass(frozen=True)
class Services:
    """What one connection's tasks and jobs may call; what a test does not need may be missing."""

    speech: SpeechService
    media: MediaDecoder | None = None
    exports: Exports | None = None
    postprocessor: Postprocessor | None = None
    held: Allowance | None = None
    spooled: Budget | None = None
    metrics: Metrics | None = None
    # For what the jobs of one connection keep for those after them.
    kept: Lease | None = None
    visit: Visit | None = None

    def request(self) -> None:
        """QuotaError where the client has none left."""
        if self.visit:
            self.visit.request()

    def hear(self, seconds: float) -> None:
        """A recording is about to be heard: QuotaError where the client has not so much left."""
        if self.visit:
            self.visit.hear(seconds)

    @contextlib.contextmanager
    def holding(self, size_bytes: int) -> Iterator[None]:
        """Count memory against what clients of its kind may hold together, for as long as it is used."""
        if self.held:
            self.held.take(size_bytes)
        try:
            yield
        finally:
            if self.held:
                self.held.give_back(size_bytes)
