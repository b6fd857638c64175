"""What is kept of a live stream. A record that cannot be written any more costs the stream nothing but its record."""

from collections.abc import Sequence

from frontend.caller import Caller
from frontend.dialogue.services import Export, Services
from frontend.errors import ServiceError
from frontend.speech import Word
from frontend.telemetry.logs import Log


class Keeping:
    def __init__(self, export: Export | None, log: Log) -> None:
        self._export = export
        self._log = log
        # Why the record is not complete.
        self.error: ServiceError | None = None

    @classmethod
    async def begin(cls, services: Services, export_id: str, caller: Caller, rate: int) -> "Keeping":
        """OverloadedError when there is no room: then the stream does not begin."""
        export = await services.exports.begin(export_id, caller, rate) if services.exports is not None else None
        return cls(export, Log("live", caller.connection_id))

    async def audio(self, pcm: bytes) -> None:
        if self._export is not None and self.error is None:
            try:
                await self._export.audio(pcm)
            except ServiceError as e:
                self._fail(e)

    async def final(self, words: Sequence[Word], text: str) -> None:
        if self._export is not None and self.error is None:
            try:
                await self._export.final(words, text)
            except ServiceError as e:
                self._fail(e)

    async def finish(self, complete: bool) -> None:
        if self._export is None:
            return
        try:
            if complete and self.error is None:
                await self._export.complete()
            else:
                await self._export.interrupt()
        except ServiceError as e:
            self._fail(e)

    def _fail(self, error: ServiceError) -> None:
        self.error = error
        self._log.warning("the record stays incomplete", reason=str(error))
