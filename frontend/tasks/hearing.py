"""A stream's audio as it is heard, for tasks that work on one thing after the other."""

import asyncio

from frontend.dialogue.tasks import Stream
from frontend.tasks.heard import Heard
from frontend.tasks.listening import Listening, StreamListener


class Hearing:
    """What was heard, message by message or turn by turn. More is asked of the models only when it is wanted.

    `changed` is set whenever there is something to take, or nothing more will come.
    """

    def __init__(self, options: Listening, stream: Stream, changed: asyncio.Event) -> None:
        self._listener = StreamListener(options, stream, self._take_in)
        self._listener.wanted = False
        self._listener.on_end = self._end
        self.intake = self._listener.intake
        self.delay_samples = self.intake.delay_samples
        self._changed = changed
        self._heard: list[Heard] = []
        self._ended = False

    def begin(self) -> None:
        self._listener.begin()

    def begin_by_turns(self) -> None:
        """Not message by message; at the end, silence fills the last window."""
        self._listener.by_turns = True
        self._listener.begin()

    @property
    def over(self) -> bool:
        return self._ended and not self._heard

    def take(self) -> Heard | None:
        """What was heard; None where there is nothing yet, which is asked for."""
        if not self._heard and not self._ended:
            self._listener.want()
        return self._heard.pop(0) if self._heard else None

    async def next(self) -> Heard | None:
        """What was heard, as soon as there is something; None when everything was."""
        while (heard := self.take()) is None and not self.over:
            self._changed.clear()
            await self._changed.wait()
        return heard

    def _take_in(self, heard: Heard) -> None:
        self._listener.wanted = False
        self._heard.append(heard)
        self._changed.set()

    def _end(self) -> None:
        self._ended = True
        self._changed.set()
