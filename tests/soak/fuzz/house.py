"""The gateway in this process, before models that answer at once, and an eye on what nobody should see of it."""

import asyncio
import contextlib
import dataclasses
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from frontend import app
from frontend.config import settings
from frontend.speech import Manifest, ModelRef, Readiness, SpeechService
from frontend.telemetry import logs
from frontend.triton.service import TritonSpeech
from frontend.workers.worker import alone
from tests.frontend.fakes import ScriptedSpeech

KEY = "the-key-of-the-fuzzer"
_QUIET_SECONDS = 20.0


class Speech(TritonSpeech):
    """Models that are there, and answer in the next turn of the event loop."""

    def asked_by(self, connection_id: str, urgent: bool = True) -> Any:
        return ScriptedSpeech()

    def asked(self) -> SpeechService:
        return ScriptedSpeech()

    def manifest(self, model: ModelRef) -> Manifest | None:
        return ScriptedSpeech().manifest(model)

    async def ready(self) -> Readiness:
        return Readiness({})


class Faults(logging.Handler):
    """What was logged as an error, and what reached the end of the event loop or of an object's life."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR and not logs.is_strangers(record):
            self.seen.append(self.format(record))

    def loop(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.seen.append(f"in the event loop: {context.get('message')} {context.get('exception')!r}")

    def check(self) -> None:
        seen, self.seen = self.seen, []
        assert not seen, "\n".join(seen)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        root, before = logging.getLogger(), sys.unraisablehook
        root.addHandler(self)
        sys.unraisablehook = lambda failed: self.seen.append(f"nobody could catch {failed.exc_value!r}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as the gateway does
                yield
        finally:
            sys.unraisablehook = before
            root.removeHandler(self)


@dataclasses.dataclass(frozen=True)
class Left:
    """What must not grow."""

    tasks: int
    descriptors: int
    held_bytes: float
    spooled_bytes: float
    connections: float

    def beyond(self, before: "Left") -> dict[str, float]:
        """By how much each is more than before."""
        pairs = zip(dataclasses.asdict(self).items(), dataclasses.asdict(before).values(), strict=True)
        return {name: now - then for (name, now), then in pairs if now > then}


class House:
    """Open until `close`. Its client work runs in `loop`, one piece after the other."""

    def __init__(self, state: Path) -> None:
        self.faults = Faults()
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._runner.get_loop().set_exception_handler(self.faults.loop)
        self._options = _options(state)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app, "TritonSpeech", Speech)
            self._gateway = app.Gateway(self._options, alone(self._options))
        self._runner.run(self._gateway.start())
        self.ports = self._gateway.ports

    def run(self, work: Any) -> Any:
        """A coroutine to its end; the gateway serves meanwhile."""
        return self._runner.run(work)

    def left(self) -> Left:
        """Of what was done so far, once it is quiet; at the latest after a while."""
        return self._runner.run(self._left_at_rest())

    def close(self) -> None:
        self._runner.run(self._gateway.stop())
        self._runner.close()

    async def _left_at_rest(self) -> Left:
        """The least that is seen while it gets less."""
        loop = asyncio.get_running_loop()
        least, until = self._left(), loop.time() + 0.5
        end = loop.time() + _QUIET_SECONDS
        while loop.time() < min(until, end):
            await asyncio.sleep(0.05)
            now = self._left()
            if now != least and not now.beyond(least):
                least, until = now, loop.time() + 0.5
        return least

    def _left(self) -> Left:
        metrics = self._gateway.metrics
        return Left(
            len(asyncio.all_tasks()),
            len(os.listdir("/proc/self/fd")),
            metrics.value("gateway_held_bytes"),
            metrics.value("gateway_spooled_bytes"),
            metrics.value("gateway_connections"),
        )


def _options(state: Path) -> settings.Settings:
    usual = settings.Settings()
    return dataclasses.replace(
        usual,
        server=dataclasses.replace(usual.server, close_linger_seconds=0.2, drain_seconds=2.0),
        ports=settings.Ports(*(0 for _ in dataclasses.fields(settings.Ports))),
        limits=dataclasses.replace(usual.limits, spool_directory=str(state / "spool"), upload_idle_seconds=1.0),
        exports=dataclasses.replace(usual.exports, directory=str(state / "exports"), min_free_bytes=1),
        media=dataclasses.replace(usual.media, workers=1),
    )


@contextlib.contextmanager
def opened(state: Path) -> Iterator[House]:
    house = House(state)
    try:
        with house.faults.watching():
            yield house
    finally:
        house.close()
