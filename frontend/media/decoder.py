"""Decoding files of strangers: in processes of their own, with limits, replaced when they fail.

What comes and what is decoded of it travel through memory files, so the event loop only ever moves a line of JSON each
way, and a process holds nothing of a client once it has answered.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from frontend.config import settings
from frontend.errors import AudioError, DeadlineError, GatewayError, IncompleteError, OverloadedError, ServiceError
from frontend.media.worker import BEGUN, MAX_ANSWER_BYTES
from frontend.memory.memory_file import MemoryFile
from frontend.speech import Samples
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics

_MAX_LAST_WORDS_BYTES = 4096


@dataclass(frozen=True)
class Recording:
    """A decoded file: samples as the models hear them, and how long it was in its own terms."""

    samples: Samples
    client_samples: int
    client_rate: int


class MediaDecoder:
    """A few worker processes that take one file after the other, for a few recordings at once."""

    def __init__(self, options: settings.Media, metrics: Metrics) -> None:
        self._options = options
        self._metrics = metrics
        self._log = Log("media")
        self._idle: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        for _ in range(options.workers):
            self._idle.put_nowait(None)
        self._turns = asyncio.Semaphore(options.recordings)
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def recording(
        self, file: MemoryFile, pcm_rate: int | None = None, *, wav_only: bool = False, patient: bool = False
    ) -> AsyncIterator[Recording]:
        """What a file holds (any container and codec, or bare 16-bit samples of a rate), for as long as it is used.

        Only a patient caller, of whom there is a bounded number, waits where many wait already.
        """
        await self._turn(patient)
        try:
            request = {"pcm_rate": pcm_rate, "wav_only": wav_only, "max_seconds": self._options.decoded_seconds}
            answer, output = await self._do(file, {"action": "decode", **request})
            with contextlib.closing(output):
                yield Recording(output.samples(), int(answer["client_samples"]), int(answer["client_rate"]))
        finally:
            self._turns.release()

    async def envelope(self, file: MemoryFile) -> tuple[dict[str, Any], MemoryFile]:
        """What a JSON object in a file says (see worker.py), and the audio that it carried."""
        return await self._do(file, {"action": "envelope"})

    async def close(self) -> None:
        while not self._idle.empty():
            if worker := self._idle.get_nowait():
                await worker.stop()

    async def _turn(self, patient: bool) -> None:
        if not patient and self._waiting >= self._options.max_waiting:
            self._metrics.media_jobs.labels("overload").inc()
            raise OverloadedError("too many recordings wait for their turn, try again later")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1

    async def _do(self, file: MemoryFile, request: dict[str, Any]) -> tuple[dict[str, Any], MemoryFile]:
        worker = await self._idle.get()
        began_seconds = time.monotonic()
        try:
            try:
                worker = worker or await _Worker.start(self._options)
                done = await worker.do(file, request)
            except ConnectionError as e:  # it died while it had nothing to do: this file is not to blame
                await self._replace(worker, e)
                worker = await _Worker.start(self._options)
                done = await worker.do(file, request)
        except GatewayError:
            self._metrics.media_jobs.labels("refused").inc()
            raise
        except BaseException as e:  # a cancelled request as well: its worker is busy with a file nobody asks for
            self._metrics.media_jobs.labels("lost").inc()
            error = await self._replace(worker, e)
            if error is None:
                raise
            raise error from e
        finally:
            self._idle.put_nowait(None if worker is None or worker.is_stopped else worker)
        self._metrics.media_jobs.labels("decoded").inc()
        self._metrics.media_seconds.observe(time.monotonic() - began_seconds)
        return done

    async def _replace(self, worker: "_Worker | None", reason: BaseException) -> GatewayError | None:
        """Stop a worker that is of no more use, log why, and say what the client is told."""
        code, last_words = await worker.stop() if worker else (0, "")
        self._log.warning("decoder replaced", reason=type(reason).__name__, exit_code=code, last_words=last_words)
        if isinstance(reason, _DiedError) and code == -signal.SIGXCPU:
            return AudioError("the file takes too long to decode")
        if isinstance(reason, _DiedError):
            return AudioError("the file could not be decoded within the limits")
        if isinstance(reason, TimeoutError):
            return DeadlineError("the gateway is too busy to decode the file in time, try again later")
        if isinstance(reason, OSError | ValueError):
            return ServiceError("the decoder does not work, try again later")
        return None


class _DiedError(Exception):
    """A worker died over a file that it had begun to read."""


class _Worker:
    """One process, and the socket over which it is asked."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket, options: settings.Media) -> None:
        self._process = process
        self._channel = channel
        self._options = options
        self._said = b""
        self._listening = asyncio.get_running_loop().create_task(self._listen())
        self.is_stopped = False

    @classmethod
    async def start(cls, options: settings.Media) -> "_Worker":
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "frontend.media.worker"),
                *(str(options.memory_bytes), str(options.processor_seconds)),
                # Nothing of the gateway's own environment, in which keys may stand; modules are where it finds them.
                env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=its.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            its.close()
        return cls(process, ours, options)

    async def do(self, file: MemoryFile, request: dict[str, Any]) -> tuple[dict[str, Any], MemoryFile]:
        """Its answer and the file it made; AudioError when it refuses; anything else means that it is done for.

        ConnectionError, which the kernel gives too where a request was never read, means that the file is not to blame.
        """
        output = MemoryFile()
        try:
            socket.send_fds(self._channel, [json.dumps(request).encode()], [file.fd, output.fd])
            async with asyncio.timeout(self._options.job_seconds):
                # A process that is being killed may still take a request, of which it then does nothing.
                if await self._hear() != BEGUN:
                    raise ConnectionResetError
                line = await self._hear()
            if not line:
                raise _DiedError
            answer = json.loads(line)
            if "failure" in answer:
                kind = IncompleteError if answer["incomplete"] else AudioError
                raise kind(str(answer["failure"]))
        except BaseException:
            output.close()
            raise
        return answer, output

    async def _hear(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._channel, MAX_ANSWER_BYTES)

    async def stop(self) -> tuple[int, str]:
        """Its exit code, and its last words: no more than the kind of an error and its place, nothing of a client."""
        if not self.is_stopped:
            self.is_stopped = True
            self._channel.close()
            if self._process.returncode is None:
                # Not its kill(), which may take the exit code before asyncio does.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._process.pid, signal.SIGKILL)
            await asyncio.wait({self._listening})
        code = await self._process.wait()
        lines = self._said.decode(errors="replace").strip().splitlines()
        return code, lines[-1].partition(": ")[0][:200] if lines else ""

    async def _listen(self) -> None:
        """Take what it writes, or it would wait for that; only the end matters."""
        assert self._process.stderr is not None
        while block := await self._process.stderr.read(_MAX_LAST_WORDS_BYTES):
            self._said = (self._said + block)[-_MAX_LAST_WORDS_BYTES:]
