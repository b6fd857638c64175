"""What tests of exports begin with: their own directory, words to say, and a stream that a process of its own writes.

`python -m tests.frontend.exporting DIRECTORY ID [beside]` writes a stream, perhaps beside another process, and prints
how much it has given and how much of that is written, in chunks, until somebody kills it.
"""

import asyncio
import contextlib
import io
import json
import os
import sys
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from frontend.caller import Caller
from frontend.config.settings import Exports as Options
from frontend.recordings.archive import Exports
from frontend.recordings.record import Reach, Record
from frontend.recordings.writer import Export
from frontend.speech import RATE, Word
from frontend.telemetry.metrics import Metrics
from tests.frontend.fakes import budget

ALL = Reach(everybodys=True)
CALLER = Caller("c0ffee00", "127.0.0.1")
ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = "f" * 32
WORDS = (Word(" one", 0.0, 0.5, 0.9), Word(" two", 0.5, 1.0, 0.8))
CHUNK_BYTES = 640
CHUNK_SECONDS = 0.01


def options(directory: Path, **changed: Any) -> Options:
    return Options(**{"directory": str(directory), "min_free_bytes": 0, "write_seconds": 0.02, **changed})


@contextlib.asynccontextmanager
async def kept_in(directory: Path, beside: bool = False, **changed: Any) -> AsyncIterator[Exports]:
    exports = Exports(options(directory, **changed), Metrics())
    await (exports.join() if beside else exports.recover())
    try:
        yield exports
    finally:
        await exports.close()


async def begun(exports: Exports, export_id: str, caller: Caller = CALLER, rate: int = RATE) -> Export:
    return await exports.begin(export_id, caller, rate, budget().lease())


async def content(exports: Exports, record: Record) -> bytes:
    """The whole WAV file."""
    reader = await exports.audio(record)
    blocks = []
    while block := await exports.read(reader):
        blocks.append(block)
    reader.close()
    return b"".join(blocks)


async def samples(exports: Exports, export_id: str = ID) -> bytes:
    """The audio as any reader of WAV files sees it."""
    with wave.open(io.BytesIO(await content(exports, await exports.find(export_id, ALL)))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return bytes(file.readframes(file.getnframes()))


async def texts(exports: Exports, export_id: str = ID) -> list[str]:
    lines = await exports.transcript(await exports.find(export_id, ALL))
    return [json.loads(line)["text"] for line in lines.splitlines()]


def files_in(directory: Path) -> list[Path]:
    """However folders move and go meanwhile."""
    found = []
    for folder, _, names in os.walk(directory):
        found += [Path(folder) / name for name in names if name != ".lock"]
    return found


async def wait_for(condition: Any, seconds: float = 20.0) -> None:
    """Until the coroutine function says so."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.01)


def chunk(number: int) -> bytes:
    return number.to_bytes(4, "little") * (CHUNK_BYTES // 4)


async def _stream(directory: str, export_id: str, beside: str = "") -> None:
    async with kept_in(Path(directory), bool(beside), write_seconds=0.5 if not beside else 0.02) as exports:
        export = await begun(exports, export_id)
        for number in range(1_000_000):
            export.append(chunk(number))
            if number % 10 == 0:
                await export.final(WORDS, f" final {number}")
            sys.stdout.write(f"{number + 1} {export._written_bytes // CHUNK_BYTES}\n")
            sys.stdout.flush()
            await asyncio.sleep(CHUNK_SECONDS)


if __name__ == "__main__":
    asyncio.run(_stream(*sys.argv[1:]))
