"""One worker as its parent sees it: the process, the line to it, and what it last said."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence

from frontend.workers.line import Line, Said, Word

_LAST_WORDS_SECONDS = 1.0


class WorkerProcess:
    def __init__(self, process: Process, line: Line, row: int) -> None:
        self._process = process
        self.line = line
        self.row = row
        self.pid = process.pid
        # Whether it came to serve; known at the latest when it ends.
        self.listening: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.leaving = False  # it was told to stop
        self.gone = asyncio.Event()
        self.figures = b""
        self._told_figures = asyncio.Event()

    @classmethod
    async def start(cls, arguments: Sequence[str], row: int) -> "WorkerProcess":
        """On the main thread: a worker dies with the thread that started it (prctl(2))."""
        line, its = Line.pair()
        with its:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "frontend", *arguments, f"--worker={os.getpid()}"),
                stdin=its.fileno(),
                start_new_session=True,  # a terminal's Ctrl-C reaches the parent alone, which then stops in order
            )
        return cls(process, line, row)

    @property
    def serves(self) -> bool:
        return self.listening.done() and self.listening.result() and not self.leaving

    async def run(self, heard: Callable[[Said], None]) -> int:
        """Its exit code, once it has ended and its last words were heard."""
        hearing = asyncio.create_task(self._hear(heard))
        code = await self._process.wait()
        self.kill()  # what it started must not outlive it
        await asyncio.wait({hearing}, timeout=_LAST_WORDS_SECONDS)
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        self.line.close()
        if not self.listening.done():
            self.listening.set_result(False)
        self._told_figures.set()
        self.gone.set()
        return code

    async def tell_figures(self) -> None:
        """Returns when it has; it may be too busy to."""
        self._told_figures.clear()
        with contextlib.suppress(OSError):
            self.line.say(Said(Word.TELL_FIGURES))
            await self._told_figures.wait()

    def dismiss(self) -> None:
        """It may drain."""
        self.leaving = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _hear(self, heard: Callable[[Said], None]) -> None:
        while (said := await self.line.hear()) is not None:
            if said.what == Word.LISTENING:
                self.listening.set_result(True)
            elif said.what == Word.FIGURES:
                self.figures = said.content()
                self._told_figures.set()
            heard(said)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
