"""The coroutines that serve one connection beside each other: what one of them says or raises ends it for all."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from frontend.dialogue.commands import HangUp
from frontend.errors import GatewayError
from frontend.telemetry.logs import Log

Work = asyncio.Task[HangUp | None]

_MESSAGES_WITHOUT_PAUSE = 8


class Pace:
    """What waits already is handled without a pause; after a few messages the other connections have their turn."""

    def __init__(self) -> None:
        self._without_pause = 0

    async def give_way(self, messages: int = 1) -> None:
        self._without_pause += messages
        if self._without_pause >= _MESSAGES_WITHOUT_PAUSE:
            self._without_pause = 0
            await asyncio.sleep(0)


class Crew:
    def __init__(self, log: Log) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._working: set[Work] = set()
        # How the connection ends: the first HangUp that one of them comes to, or the first error.
        self.ended: asyncio.Future[HangUp] = self._loop.create_future()

    def add(self, work: Coroutine[Any, Any, HangUp | None]) -> Work:
        task = self._loop.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)
        return task

    def end(self, ending: HangUp) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)

    def end_in(self, seconds: float, ending: HangUp) -> None:
        """End then, if nothing else has come to an end before."""

        async def wait() -> HangUp:
            await asyncio.sleep(seconds)
            return ending

        self.add(wait())

    def explained(self, error: Exception) -> GatewayError:
        """What the client is told of work that failed, expectedly or not."""
        if isinstance(error, GatewayError):
            return error
        self._log.exception("the work failed", error)
        return GatewayError("internal error")

    async def stop(self, except_for: Work | None = None) -> None:
        stopping = [task for task in self._working if task is not except_for]
        for task in stopping:
            task.cancel()
        await asyncio.gather(*stopping, return_exceptions=True)

    def _done(self, task: Work) -> None:
        self._working.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            if ending := task.result():
                self.end(ending)
        elif not self.ended.done():
            self.ended.set_exception(error)
        else:
            self._log.exception("work after the end failed", error)
