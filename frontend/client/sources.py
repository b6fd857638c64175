"""Where streamed audio comes from: a recording, at the pace of time or as fast as it goes, or the microphone."""

import asyncio
import contextlib
import importlib
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Protocol

from frontend.client.errors import InputError
from frontend.client.recording import BYTES_A_SECOND, RATE, Recording

ARECORD = ("arecord", "-q", "-t", "raw", "-f", "S16_LE", "-r", str(RATE), "-c", "1")


class Source(Protocol):
    seconds: float | None  # of all of it, as far as that is known; exactly once all chunks were taken
    live: bool  # whether results are worth having at once

    def chunks(self, seconds: float) -> AsyncGenerator[bytes, None]:
        """Samples in chunks of so many seconds, until the end or until the user stops it."""
        ...


def source(file: Path | None, fast: bool, stopped: asyncio.Event) -> Source:
    return Microphone(stopped) if file is None else File(Recording(file), fast, stopped)


class File:
    def __init__(self, recording: Recording, fast: bool, stopped: asyncio.Event) -> None:
        self.seconds = recording.seconds()
        self.live = not fast
        self._recording = recording
        self._stopped = stopped

    async def chunks(self, seconds: float) -> AsyncGenerator[bytes, None]:
        clock = asyncio.get_running_loop().time
        begin, sent_seconds = clock(), 0.0
        for chunk in self._recording.chunks(round(seconds * RATE) * 2):
            sent_seconds += len(chunk) / BYTES_A_SECOND
            # A chunk is there when its last sample has been said.
            await _pause(self._stopped, begin + sent_seconds - clock() if self.live else 0)
            if self._stopped.is_set():
                return
            yield chunk
        self.seconds = sent_seconds


async def _pause(stopped: asyncio.Event, seconds: float) -> None:
    """Until then, or until the user stops it; at least the others get their turn."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await stopped.wait()


class Microphone:
    """By the package `sounddevice` where it is installed, else by ALSA's `arecord`."""

    seconds: float | None = None
    live: bool = True

    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped
        self._device = _sounddevice()
        if self._device is None and shutil.which(ARECORD[0]) is None:
            raise InputError("no microphone: install the Python package sounddevice or ALSA's arecord, or name a FILE")

    async def chunks(self, seconds: float) -> AsyncGenerator[bytes, None]:
        size_bytes = round(seconds * RATE) * 2
        recorded = self._by_arecord(size_bytes) if self._device is None else self._by_sounddevice(size_bytes)
        async with contextlib.aclosing(recorded):
            async for chunk in recorded:
                yield chunk

    async def _by_sounddevice(self, size_bytes: int) -> AsyncGenerator[bytes, None]:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def heard(data: Any, *_: Any) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, bytes(data))

        how = {"samplerate": RATE, "channels": 1, "dtype": "int16", "blocksize": size_bytes // 2, "callback": heard}
        try:
            stream = self._device.RawInputStream(**how)
        except Exception as e:  # the library's own classes are not known where it is not installed
            raise InputError(f"the microphone cannot be opened: {e}") from e
        with stream:
            while chunk := await _unless(self._stopped, queue.get()):
                yield chunk

    async def _by_arecord(self, size_bytes: int) -> AsyncGenerator[bytes, None]:
        pipe = asyncio.subprocess.PIPE
        # In a process group of its own, so that Ctrl-C ends the recording here and not there.
        process = await asyncio.create_subprocess_exec(*ARECORD, stdout=pipe, stderr=pipe, start_new_session=True)
        assert process.stdout
        assert process.stderr
        try:
            while chunk := await _unless(self._stopped, process.stdout.read(size_bytes)):
                yield chunk
            if not self._stopped.is_set() and await process.wait():
                words = (await process.stderr.read()).decode(errors="replace").strip().splitlines() or [
                    "no reason told"
                ]
                raise InputError(f"the microphone cannot be opened: {words[-1]}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _unless(stopped: asyncio.Event, coming: Any) -> bytes:
    """What comes, or nothing once the user stops it."""
    waits = [asyncio.ensure_future(coming), asyncio.ensure_future(stopped.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        return bytes(waits[0].result()) if waits[0].done() else b""
    finally:
        for wait in waits:
            wait.cancel()


def _sounddevice() -> Any:
    try:
        return importlib.import_module("sounddevice")
    except (ImportError, OSError):  # not installed, or without PortAudio
        return None
