"""Work that goes on for as long as the gateway runs, and never ends unnoticed."""

import asyncio
from collections.abc import Awaitable, Callable

from frontend.telemetry.logs import Log

_PAUSE_SECONDS = 1.0


async def kept_up(
    name: str, work: Callable[[], Awaitable[None]], log: Log, pause_seconds: float = _PAUSE_SECONDS
) -> None:
    """Until cancelled: when the work ends, however it does, that is logged and it begins again after a pause."""
    while True:
        try:
            await work()
            log.warning("work that has no end ended and begins again", work=name)
        except Exception as e:
            log.exception("work failed and begins again", e, work=name)
        except asyncio.CancelledError as e:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log.exception("work failed and begins again", e, work=name)  # over something else that was cancelled
        await asyncio.sleep(pause_seconds)
