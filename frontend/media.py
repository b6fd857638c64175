"""Decoding files of strangers: in processes of their own, with limits, replaced when they fail.

The bytes travel through memory files, so the event loop only ever moves a line of JSON each way.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from frontend import settings
from frontend.errors import AudioError, OverloadedError
from frontend.logs import Log
from frontend.metrics import Metrics
from frontend.speech import Samples


@dataclass(frozen=True)
class Recording:
    """A decoded file: samples as the models hear them, and how long it was in its own terms."""

    samples: Samples
    client_samples: int
    client_rate: int


class MediaDecoder:
    """A few worker processes that take one file after the other."""

    def __init__(self, options: settings.Media, metrics: Metrics) -> None:
        self._options = options
        self._metrics = metrics
        self._log = Log("media")
        self._idle: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        for _ in range(max(1, options.workers)):
            self._idle.put_nowait(None)
        self._waiting = 0

    async def decode_file(self, data: bytes) -> Recording:
        """Any container and codec; what it is shows in its content."""
        return await self._decode(data, {"kind": "file"})

    async def decode_pcm(self, data: bytes, rate: int) -> Recording:
        """Bare 16-bit samples."""
        return await self._decode(data, {"kind": "pcm", "rate": rate})

    async def close(self) -> None:
        while not self._idle.empty():
            if worker := self._idle.get_nowait():
                await worker.stop()

    async def _decode(self, data: bytes, request: dict[str, Any]) -> Recording:
        if self._waiting >= self._options.max_waiting:
            self._metrics.media_jobs.labels("overload").inc()
            raise OverloadedError("too many files wait to be decoded, try again later")
        self._waiting += 1
        try:
            worker = await self._idle.get()
        finally:
            self._waiting -= 1
        try:
            worker = worker or await _Worker.start(self._options)
            recording = await worker.decode(data, request | {"max_seconds": self._options.decoded_seconds})
        except AudioError:
            self._metrics.media_jobs.labels("refused").inc()
            raise
        except (TimeoutError, OSError, ValueError, asyncio.CancelledError) as e:
            self._metrics.media_jobs.labels("lost").inc()
            self._log.warning("decoder replaced", reason=type(e).__name__)
            if worker:
                await worker.stop()
            worker = None
            if isinstance(e, asyncio.CancelledError):
                raise
            raise AudioError("the file could not be decoded within the limits") from e
        finally:
            self._idle.put_nowait(worker)
        self._metrics.media_jobs.labels("decoded").inc()
        return recording


class _Worker:
    """One process and the two memory files it shares with us."""

    def __init__(self, process: asyncio.subprocess.Process, files: tuple[int, int], job_seconds: float) -> None:
        self._process = process
        self._input, self._output = files
        self._job_seconds = job_seconds
        self._on_file: asyncio.Future[Any] | None = None

    @classmethod
    async def start(cls, options: settings.Media) -> "_Worker":
        files = (os.memfd_create("media-in"), os.memfd_create("media-out"))
        process = await asyncio.create_subprocess_exec(
            *("env", "OPENBLAS_NUM_THREADS=1", sys.executable, "-m", "frontend.media_worker"),
            *(str(fd) for fd in files),
            *(str(options.memory_bytes), str(options.job_seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=files,
        )
        return cls(process, files, options.job_seconds)

    async def decode(self, data: bytes, request: dict[str, Any]) -> Recording:
        """The recording; AudioError when it is none; anything else means that this worker is done for."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        await self._in_thread(self._write, data)
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        async with asyncio.timeout(self._job_seconds):
            line = await self._process.stdout.readline()
        answer = json.loads(line)  # an empty line, when the process died, is a ValueError
        if "error" in answer:
            raise AudioError(str(answer["error"]))
        samples: Samples = await self._in_thread(self._read, int(answer["bytes"]))
        return Recording(samples, int(answer["client_samples"]), int(answer["client_rate"]))

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        if self._on_file is not None:
            await asyncio.wait({self._on_file})  # a thread may still use the files of a request that was cancelled
        for fd in (self._input, self._output):
            os.close(fd)

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        self._on_file = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
        return await asyncio.shield(self._on_file)

    def _write(self, data: bytes) -> None:
        os.ftruncate(self._input, 0)
        view, offset = memoryview(data), 0
        while offset < len(view):
            offset += os.pwrite(self._input, view[offset:], offset)

    def _read(self, size_bytes: int) -> Samples:
        parts, offset = [], 0
        while offset < size_bytes:
            parts.append(os.pread(self._output, size_bytes - offset, offset))
            offset += len(parts[-1])
        os.ftruncate(self._output, 0)
        return np.frombuffer(b"".join(parts), np.int16)
