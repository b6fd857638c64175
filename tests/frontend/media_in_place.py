"""The decoder of media for tests of others: it does a worker's work in the test's own process, without starting one."""

from typing import Any

from frontend.config import settings
from frontend.errors import AudioError, IncompleteError
from frontend.media import decoder, worker
from frontend.memory.memory_file import MemoryFile
from frontend.telemetry.metrics import Metrics


class _InPlace:
    """A worker that is no process."""

    is_stopped = False

    async def do(self, file: MemoryFile, request: dict[str, Any]) -> tuple[dict[str, Any], MemoryFile]:
        output = MemoryFile()
        answer = worker.answer(request, [file.fd, output.fd])
        if "failure" in answer:
            output.close()
            raise (IncompleteError if answer["incomplete"] else AudioError)(answer["failure"])
        return answer, output

    async def stop(self) -> tuple[int, str]:
        return 0, ""


class MediaInPlace(decoder.MediaDecoder):
    def __init__(self, options: settings.Media, metrics: Metrics) -> None:
        super().__init__(options, metrics)
        for _ in range(options.workers):
            self._idle.get_nowait()
            self._idle.put_nowait(_InPlace())  # type: ignore[arg-type]
