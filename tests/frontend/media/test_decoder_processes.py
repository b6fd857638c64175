"""The processes that decode files: what they may use, who pays when one dies, and that nothing of a file stays."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from frontend.errors import AudioError, DeadlineError, OverloadedError, ServiceError
from frontend.memory.memory_file import MemoryFile
from tests.frontend.media.test_decoder import SECOND, decoded, decoder
from tests.sounds import noise, wav
from tests.triton_server import wait_until


def worker_pid() -> int:
    """The one child of this process that decodes."""
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    (worker,) = [pid for pid in pids if "frontend.media.worker" in Path(f"/proc/{pid}/cmdline").read_text()]
    return int(worker)


def memory_files(pid: int) -> int:
    """How many files of clients a process has open or mapped."""
    count = Path(f"/proc/{pid}/maps").read_text().count("memfd:media")
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += "memfd:media" in os.readlink(link)
    return count


def environment(pid: int) -> set[str]:
    """The names of the variables that a process was started with."""
    return {pair.partition("=")[0] for pair in Path(f"/proc/{pid}/environ").read_text().split("\0") if pair}


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition, 20.0)


async def hit(pid: int, number: signal.Signals) -> None:
    """Stopped or dead when this returns."""
    os.kill(pid, number)
    await until(lambda: state(pid) in "TZ")


def state(pid: int) -> str:
    """As the system names it; Z as well when it is gone altogether."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


async def test_a_worker_that_is_killed_over_a_file_costs_that_file() -> None:
    async with decoder() as media:
        await decoded(media, wav(SECOND))
        long = asyncio.create_task(decoded(media, wav(noise(1500, 16000), 8000)))
        await until(lambda: memory_files(worker_pid()) > 2)  # it has opened the first of two
        os.kill(worker_pid(), signal.SIGKILL)
        with pytest.raises(AudioError, match="within the limits"):
            await long
        assert len((await decoded(media, wav(SECOND))).samples) == 16000


async def test_a_worker_that_died_while_it_had_nothing_to_do_costs_nobody_anything() -> None:
    async with decoder() as media:
        await decoded(media, wav(SECOND))
        await hit(worker_pid(), signal.SIGKILL)
        assert len((await decoded(media, wav(SECOND))).samples) == 16000


async def test_a_file_that_a_dying_worker_never_read_goes_to_the_next() -> None:
    async with decoder() as media:
        await decoded(media, wav(SECOND))
        first = worker_pid()
        await hit(first, signal.SIGSTOP)
        waiting = asyncio.create_task(decoded(media, wav(SECOND)))
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        assert len((await waiting).samples) == 16000
        assert worker_pid() != first


async def test_a_file_that_a_dying_worker_took_and_never_began_goes_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system gives a request to whom it is about to kill."""
    mark, python = tmp_path / "taken", tmp_path / "python"
    takes = f"import os; os.read(0, 1); open({str(mark)!r}, 'w')"
    python.write_text(f'#!/bin/sh\n[ -e {mark} ] && exec {sys.executable} "$@"\nexec {sys.executable} -c "{takes}"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    async with decoder() as media:
        assert len((await decoded(media, wav(SECOND))).samples) == 16000
    assert mark.exists()


async def test_a_decoder_knows_nothing_of_the_environment_that_keys_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_API_KEY", "a-secret")
    async with decoder() as media:
        await decoded(media, wav(SECOND))
        assert environment(worker_pid()) == {"OPENBLAS_NUM_THREADS", "PYTHONPATH"}


@pytest.mark.parametrize(("executable", "last_words"), [("/bin/sh", "/bin/sh"), ("/no/such/python", "")])
async def test_a_decoder_that_cannot_start_is_the_operators_matter_and_leaves_nothing_open(
    executable: str, last_words: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    before = len(os.listdir("/proc/self/fd"))
    async with decoder() as media:
        for _ in range(3):
            with pytest.raises(ServiceError, match="does not work"):
                await decoded(media, wav(SECOND))
    assert len(os.listdir("/proc/self/fd")) <= before
    assert caplog.records[-1].__dict__["facts"]["last_words"] == last_words


async def test_a_defect_is_logged_by_its_kind_and_place_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with decoder() as media:
        with pytest.raises(AudioError):
            await decoded(media, SECOND.tobytes(), -1)
    (record,) = caplog.records
    kind, _, place = record.__dict__["facts"]["last_words"].partition(" at ")
    assert kind.endswith("Error")
    assert place.startswith("worker.py:")


@pytest.mark.parametrize("depth", [300, 470, 500, 900, 980, 990, 5000])
async def test_json_of_any_depth_is_read_or_refused_and_costs_no_worker(depth: int) -> None:
    async with decoder() as media:
        await decoded(media, wav(SECOND))
        worker = worker_pid()
        with contextlib.closing(MemoryFile()) as file:
            file.append(b'{"type":' + b"[" * depth + b"]" * depth + b"}")
            answer, audio = await media.envelope(file)
            audio.close()
        assert bool(answer["error"]) == (depth > 480)
        assert worker_pid() == worker


async def test_a_file_that_takes_too_much_processor_time_is_refused_and_its_worker_replaced() -> None:
    async with decoder(processor_seconds=0.0, decoded_seconds=1e6) as media:  # rounded up to at most a second
        with pytest.raises(AudioError, match="too long to decode"):
            await decoded(media, bytes(256 << 20), 8000)
        assert len((await decoded(media, wav(SECOND))).samples) == 16000


async def test_a_machine_that_is_too_busy_is_not_the_files_fault() -> None:
    async with decoder(job_seconds=5.0) as media:
        await decoded(media, wav(SECOND))
        await hit(worker_pid(), signal.SIGSTOP)
        with pytest.raises(DeadlineError):
            await decoded(media, wav(SECOND))
        assert len((await decoded(media, wav(SECOND))).samples) == 16000


async def test_nothing_of_a_file_stays_once_it_was_used_or_refused() -> None:
    gc.collect()
    before = memory_files(os.getpid())  # of recordings that other tests were left with
    async with decoder(decoded_seconds=10.0) as media:
        await decoded(media, wav(SECOND))
        with pytest.raises(AudioError, match="longer than 10 s"):
            await decoded(media, wav(noise(60, 16000)))
        await until(lambda: memory_files(worker_pid()) == 0)
        assert memory_files(os.getpid()) <= before


async def test_a_request_that_is_cancelled_does_not_keep_its_worker_from_the_next() -> None:
    async with decoder() as media:
        await decoded(media, wav(SECOND))
        await hit(worker_pid(), signal.SIGSTOP)
        cancelled = asyncio.create_task(decoded(media, wav(SECOND)))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert len((await decoded(media, wav(SECOND))).samples) == 16000


async def test_so_many_recordings_are_used_at_once_and_so_many_wait() -> None:
    file = MemoryFile()
    file.append(wav(SECOND))
    async with decoder(recordings=1, max_waiting=1) as media:
        async with media.recording(file):
            waiting = asyncio.create_task(decoded(media, wav(SECOND)))
            await asyncio.sleep(0)
            with pytest.raises(OverloadedError):
                await decoded(media, wav(SECOND))
            assert not waiting.done()
        assert len((await waiting).samples) == 16000
    file.close()
