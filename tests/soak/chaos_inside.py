"""What breaks of the gateway itself while streams speak: a worker, the wall clock, the disk, the certificate."""

import asyncio
import contextlib
import email.utils
import functools
import os
import signal
import ssl
import struct
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import websockets

from tests.authority import Authority
from tests.gateway_server import running_workers
from tests.readings import parts
from tests.soak.chaos import SETTINGS, Stage
from tests.soak.tcp_proxy import TcpProxy
from tests.triton_server import TritonAddress, wait_until

_DAY_SECONDS = 86_400.0
_DISK_BYTES = 16 << 20
_LEFT_BYTES = 1 << 20
_BLOCK, _BLOCKS = 3200, 15
_TOLD_SECONDS = 30.0


@dataclass(frozen=True)
class Inside(Stage):
    """Two workers that speak TLS, with a small disk of their own, and a wall clock that can be set."""

    disk: Path
    clock: Path
    authority: Authority

    @property
    def trusting(self) -> ssl.SSLContext:
        return self.authority.trusting

    def is_back(self) -> bool:
        return super().is_back() and self.gateway.metric("gateway_workers") == 2

    def shift_clock(self, seconds: float) -> None:
        with self.clock.open("r+b") as file:
            file.write(struct.pack("d", seconds))

    def is_wrong_by(self, seconds: float) -> bool:
        """The gateway's clock, as its answers tell."""
        with urllib.request.urlopen(self.gateway.http("/health/live"), context=self.trusting) as response:
            told = email.utils.parsedate_to_datetime(response.headers["Date"])
        return abs(told.timestamp() - time.time() - seconds) < 10


def kill_worker(stage: Inside) -> int:
    os.kill(stage.gateway.worker_pids[0], signal.SIGKILL)
    return 1


def jump_clock(stage: Inside) -> int:
    """A day ahead, a day behind, and back; how often it was seen to."""
    seen = 0
    for seconds in (_DAY_SECONDS, -_DAY_SECONDS, 0.0):
        stage.shift_clock(seconds)
        wait_until(functools.partial(stage.is_wrong_by, seconds))
        seen += 1
    return seen


def replace_certificate(stage: Inside) -> int:
    """How many workers took it over."""

    def exchanged() -> int:
        return stage.gateway.log_file.read_text().count("certificate exchanged")

    before = exchanged()
    stage.authority.write()
    wait_until(lambda: exchanged() == before + 2)
    return exchanged() - before


def fill_disk(stage: Inside) -> int:
    """Who was recorded is told, and who comes next; then there is room again. How many were told."""
    return asyncio.run(_fill_disk(stage))


async def _fill_disk(stage: Inside) -> int:
    filler, audio = stage.disk / "filler", parts()[0].tobytes()
    url = stage.gateway.ws("/", "live")
    async with websockets.connect(url, ssl=stage.trusting) as recorded:
        await recorded.send(audio[:_BLOCK])
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
        told = [await _told(recorded, audio[:_BLOCK])]
        async with websockets.connect(url, ssl=stage.trusting) as refused:
            told.append(await _told(refused, audio[:_BLOCK]))
    filler.unlink()
    async with websockets.connect(url, ssl=stage.trusting) as later:
        await later.send(audio)
        await later.send("eof")
        assert await later.recv()
    assert all("no more room" in reason for reason in told), told
    return len(told)


async def _told(connection: websockets.ClientConnection, block: bytes) -> str:
    """Why it is hung up on, at the latest when it has said all."""
    with contextlib.suppress(websockets.ConnectionClosed):
        for _ in range(_BLOCKS):
            await connection.send(block)
            await asyncio.sleep(0.1)
        await connection.send("eof")
        async with asyncio.timeout(_TOLD_SECONDS):
            async for _ in connection:
                pass
    return connection.close_reason or ""


FULL = "the disk full"
INSIDE: Mapping[str, Callable[[Inside], int]] = {
    "a worker killed": kill_worker,
    "the wall clock a day ahead, then a day behind": jump_clock,
    FULL: fill_disk,
    "the certificate replaced": replace_certificate,
}


@contextlib.contextmanager
def opened(triton: TritonAddress, link: TcpProxy, *, small: bool = True) -> Iterator[Inside]:
    """A `small` disk takes who may mount one: not everybody may who runs the tests."""
    with TemporaryDirectory() as state, contextlib.ExitStack() as stack:
        disk = Path(state) / "disk"
        disk.mkdir()
        if small:
            stack.enter_context(_mounted(disk))
        clock = Path(state) / "clock"
        clock.write_bytes(bytes(8))
        authority = Authority(Path(state))
        settings = SETTINGS | authority.settings()
        settings |= {"GATEWAY_TLS__RELOAD_SECONDS": "0.2", "GATEWAY_EXPORTS__MIN_FREE_BYTES": str(_LEFT_BYTES)}
        settings |= {"GATEWAY_EXPORTS__DIRECTORY": str(disk / "exports"), "SHIFTED_CLOCK": str(clock)}
        settings["PYTHONPATH"] = str(Path(__file__).parent / "shifted_clock")
        with running_workers(triton, Path(state) / "gateway", settings) as gateway:
            yield Inside(gateway, triton, link, disk, clock, authority)


@contextlib.contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
