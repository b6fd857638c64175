"""Exports of gateways that are processes of their own: two at once, and one that is killed."""

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.frontend.exporting import ALL, ID, chunk, kept_in, samples, texts
from tests.triton_server import ROOT


async def test_two_gateways_do_not_share_a_directory(tmp_path: Path) -> None:
    async with kept_in(tmp_path):
        command = [sys.executable, "-m", "tests.frontend.exporting", str(tmp_path), ID]
        other = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=subprocess.PIPE)
        _, said = await other.communicate()
    assert b"SettingsError: another gateway uses" in said


async def test_a_crash_loses_at_most_the_last_second(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.frontend.exporting", str(tmp_path), ID]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout
    lines = [await process.stdout.readline() for _ in range(200)]
    process.kill()
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    given = [(int(number), float(moment)) for number, moment in (line.split() for line in lines if line[-1:] == b"\n")]
    killed = given[-1][1]
    async with kept_in(tmp_path) as exports:
        record = await exports.find(ID, ALL)
        assert record.state == "incomplete"
        audio = await samples(exports)
        count = len(audio) // len(chunk(0))
        assert audio == b"".join(map(chunk, range(count)))
        assert count >= sum(moment < killed - 1.0 for _number, moment in given) > 0
        assert await texts(exports) == [f" final {number}" for number in range(0, count, 10)]
