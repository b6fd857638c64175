"""What is kept of a live stream. A record that cannot be written any more costs the stream nothing but its record."""

from collections.abc import Sequence

from frontend.caller import Caller
from frontend.dialogue.services import Export
from frontend.dialogue.tasks import Stream, Tee
from frontend.errors import ServiceError
from frontend.speech import Word
from frontend.telemetry.logs import Log


class Recorder(Tee):
    """One stream's, also where nothing is kept."""

    def __init__(self, export: Export | None, log: Log) -> None:
        self._export = export
        self._log = log
        # Why the record is not complete.
        self.error: ServiceError | None = None

    @classmethod
    async def begin(cls, stream: Stream, export_id: str | None, caller: Caller, rate: int) -> "Recorder":
        """OverloadedError when there is no room: then the stream does not begin."""
        exports, visit, export = stream.services.exports, stream.services.visit, None
        if exports is not None and export_id is not None and (visit is None or visit.recordings):
            export = await exports.begin(export_id, caller, rate, stream.audio.lease())
        recorder = cls(export, Log("live", caller.connection_id))
        if export is not None:
            try:
                await stream.audio.record_with(recorder)
            except BaseException:  # nobody else knows of it yet
                await recorder.finish(complete=False)
                raise
        return recorder

    def append(self, audio: bytes) -> bool:
        if self._export is None or self.error is not None:
            return False
        try:
            return self._export.append(audio)
        except ServiceError as e:
            self._fail(e)
            return False

    async def written(self) -> int:
        return await self._export.written() if self._export is not None else 0

    async def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        assert self._export is not None
        return await self._export.read(offset_bytes, size_bytes)

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
