"""The export of one stream: what comes is gathered for a moment, then written in a thread and synced.

What the models have not heard yet may be read from there again, so that a recording that is pushed lies nowhere twice.

One writer task an export: nothing is written twice or out of order, whoever is cancelled meanwhile. A disk that takes
no more closes the export as incomplete, and its stream is told with the next audio.
"""

import asyncio
import contextlib
import functools
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from frontend.errors import OverloadedError
from frontend.memory.budget import Budget, Lease
from frontend.recordings.draft import Draft
from frontend.recordings.reading import Reading
from frontend.recordings.record import HEADER_BYTES, Record, State
from frontend.recordings.together import Together, stroke
from frontend.recordings.transcript import final_of
from frontend.speech import Word
from frontend.telemetry.logs import Log

# So much is written at once; at this times four it is behind: whoever pushes more waits for the disk.
_BLOCK_BYTES = 256 << 10
_BOUND_BYTES = 4 * _BLOCK_BYTES
_RETRY_SECONDS = 5.0
_NO_ROOM = "the gateway has no more room for the recording, try again later"

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Desk:
    """What an export is written with."""

    threads: Executor
    together: Together
    quota: Budget
    write_seconds: float
    log: Log
    # Where it goes once it is final, in a thread.
    put_away: Callable[[str], None]
    # Told once its files and record are final, with how much they take beyond what was taken of the quota.
    settled: Callable[[Record, int], None]


class Export:
    """One stream's audio and transcript on their way to the disk; `lease` holds what is not there yet."""

    def __init__(self, record: Record, draft: Draft, desk: Desk, lease: Lease) -> None:
        self.export_id = record.export_id
        self._draft = draft
        self._desk = desk
        self._lease = lease
        self._pcm: list[bytes] = []
        self._lines: list[bytes] = []
        self._waiting_bytes = self._taken_bytes = 0
        self._audio_bytes = self._written_bytes = 0
        self._reading = Reading(draft.reader)
        self._something, self._hurry, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._given_up = asyncio.Event()
        self._asked_for: State | None = None
        self._failure: OverloadedError | None = None
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._writer = loop.create_task(self._write())

    @property
    def state(self) -> State:
        """What it is, even where the disk could not be told yet."""
        return "incomplete" if self._failure else "running"

    def append(self, audio: bytes) -> bool:
        """Keep it: whether so much waits for the disk now that whoever pushes has to.

        OverloadedError when the disk takes no more: the export is over. Once its end was asked for, nothing is kept.
        """
        self._require_open()
        if self._asked_for:
            return False
        self._lease.grow(len(audio))
        self._pcm.append(audio)
        self._audio_bytes += len(audio)
        self._add(len(audio))
        return self._waiting_bytes >= _BOUND_BYTES

    async def written(self) -> int:
        """Wait until all audio so far is on the disk, or nothing more will be: how much is."""
        wanted_bytes = self._audio_bytes
        while self._written_bytes < wanted_bytes and not self._failure and not self._ended.done():
            self._room.clear()
            self._something.set()
            self._hurry.set()
            await self._room.wait()
        return self._written_bytes

    async def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        """Audio that was written, also after the disk took no more."""
        return await self._in_thread(self._reading.read, HEADER_BYTES + offset_bytes, size_bytes)

    async def final(self, words: Sequence[Word], text: str) -> None:
        self._require_open()
        if self._asked_for:
            return
        line = json.dumps(final_of(words, text), ensure_ascii=False).encode() + b"\n"
        self._lease.grow(len(line))
        self._lines.append(line)
        self._add(len(line))

    async def complete(self) -> None:
        """Everything has come. OverloadedError when it could not all be kept."""
        await self._end("complete")
        self._require_open()

    async def interrupt(self) -> None:
        """Nothing more will come, though more was to."""
        await self._end("incomplete")

    async def abandon(self) -> None:
        """The gateway stops: what cannot be written now is left to the next start."""
        await self.interrupt()
        self._given_up.set()
        await self._writer

    def _require_open(self) -> None:
        if self._failure:
            raise OverloadedError(str(self._failure))

    def _add(self, size_bytes: int) -> None:
        self._waiting_bytes += size_bytes
        self._something.set()
        if self._waiting_bytes >= _BLOCK_BYTES:
            self._hurry.set()

    async def _end(self, state: State) -> None:
        self._asked_for = self._asked_for or state
        self._reading.close()
        self._something.set()
        self._hurry.set()
        await asyncio.shield(self._ended)

    async def _write(self) -> None:
        """Whatever happens on the way, the files are closed and whoever waits for the end is told."""
        try:
            await self._write_on()
            await self._settle()
        except Exception as e:  # nobody expected it; the next sweep finishes what is left
            self._desk.log.exception("an export's writer failed", e, export=self.export_id)
            self._failure = self._failure or OverloadedError(_NO_ROOM)
        finally:
            self._tell_end()
            self._draft.close()

    async def _write_on(self) -> None:
        while not (self._asked_for or self._failure):
            await self._something.wait()
            loop = asyncio.get_running_loop()
            timer = loop.call_at(stroke(loop.time(), self._desk.write_seconds), self._hurry.set)
            await self._hurry.wait()
            timer.cancel()
            await self._flush()
        await self._flush()  # what came during the last write

    async def _flush(self) -> None:
        pcm, lines, size_bytes = b"".join(self._pcm), b"".join(self._lines), self._waiting_bytes
        self._pcm, self._lines, self._waiting_bytes = [], [], 0
        self._something.clear()
        self._hurry.clear()
        if size_bytes and not self._failure:
            try:
                self._desk.quota.take(size_bytes)
                self._taken_bytes += size_bytes
                await self._desk.together.do(functools.partial(self._draft.append, pcm, lines))
                self._written_bytes += len(pcm)
            except Exception as e:
                self._fail(e)
        self._lease.shrink(size_bytes)
        self._room.set()

    async def _settle(self) -> None:
        """Make it final as soon as the disk lets us; whoever waits for the end waits for the first attempt only."""
        while not self._given_up.is_set():
            state: State = "incomplete" if self._failure or not self._asked_for else self._asked_for
            try:
                record = await self._in_thread(self._draft.finish, state)
            except Exception as e:
                self._fail(e)
                self._tell_end()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._given_up.wait(), _RETRY_SECONDS)
            else:
                if self._failure and not self._asked_for:
                    await self._read_on()
                await self._in_thread(self._desk.put_away, self.export_id)
                self._desk.settled(record, self._draft.size_bytes - self._taken_bytes)
                break

    async def _read_on(self) -> None:
        """Its stream does, wherever the recording goes. Where it cannot be opened now, the stream's next read tells."""
        try:
            await self._in_thread(self._reading.open)
        except OSError as e:
            self._desk.log.warning("an export cannot be read on", export=self.export_id, reason=e.strerror or str(e))

    def _tell_end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        self._room.set()
        self._lease.close()  # nothing is kept any more

    def _fail(self, error: Exception) -> None:
        if not self._failure:
            if isinstance(error, OSError | OverloadedError):
                reason = getattr(error, "strerror", None) or str(error)
                self._desk.log.warning("an export ends early", export=self.export_id, reason=reason)
            else:  # nobody expected it; whoever waits for the export is told nevertheless
                self._desk.log.exception("an export ends early", error, export=self.export_id)
            self._failure = OverloadedError(_NO_ROOM)

    async def _in_thread(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._desk.threads, work, *arguments)
