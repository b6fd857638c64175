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


async def test_a_crash_loses_nothing_that_was_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.frontend.exporting", str(tmp_path), ID]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout
    given = written = 0
    while written < 100:  # without being told to write
        given, written = map(int, (await process.stdout.readline()).split())
    process.kill()
    rest = (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    for line in rest:
        given, written = map(int, line.split()) if line.endswith(b"\n") else (given, written)
    async with kept_in(tmp_path) as exports:
        assert (await exports.find(ID, ALL)).state == "incomplete"
        audio, told = await samples(exports), await texts(exports)
    count = len(audio) // len(chunk(0))
    assert audio == b"".join(map(chunk, range(count + 1)))[: len(audio)]
    assert written <= count <= given + 1
    assert told == [f" final {number}" for number in range(0, 10 * len(told), 10)]
    assert (written - 1) // 10 <= len(told)
