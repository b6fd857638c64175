"""Several processes under one parent: one dies, the others go on; limits, recordings and figures are one for all."""

import asyncio
import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests.gateway.connections import BLOCK_BYTES, STREAMS, SUMMARY, blocks, connected, connected_to_both, worker_of
from tests.gateway_server import GatewayAddress, running_workers
from tests.triton_server import TritonAddress, wait_until
from tests.voices import MINE, TEXT, say

RECOVERED = 'gateway_exports_total{outcome="recovered"}'
CONNECTIONS = f'gateway_connections{{protocol="{SUMMARY[1:]}"}}'


class Stream:
    """A summary stream that waits in its middle for what is to happen."""

    def __init__(self, connection: Any, data: list[bytes], goes_on: asyncio.Event) -> None:
        self.worker = worker_of(connection)
        self.replies: list[str] = []
        self.in_the_middle = asyncio.Event()
        self._connection, self._data, self._goes_on = connection, data, goes_on

    async def run(self) -> bool:
        """Whether it came to its end."""
        try:
            await self._connection.send("16000")
            assert await self._connection.recv() == "200"
            for number, block in enumerate(self._data):
                if number == len(self._data) // 2:
                    self.in_the_middle.set()
                    await self._goes_on.wait()
                await self._connection.send(block)
                self.replies.append(str(await self._connection.recv()))
        except websockets.ConnectionClosed:
            return False
        return True


async def test_kill_9_of_a_worker_costs_its_own_streams_only(triton: TritonAddress, tmp_path: Path) -> None:
    data = blocks(say(TEXT, MINE)[: 16000 * 3].tobytes())
    with running_workers(triton, tmp_path) as gateway:
        goes_on = asyncio.Event()
        streams = [Stream(each, data, goes_on) for each in await connected_to_both(gateway, SUMMARY)]
        running = [asyncio.create_task(stream.run()) for stream in streams]
        await asyncio.gather(*(stream.in_the_middle.wait() for stream in streams))
        accepted = f'gateway_accepted_total{{protocol="{SUMMARY[1:]}"}}'
        assert await asyncio.to_thread(gateway.metric, accepted) == STREAMS
        victim = gateway.worker_pids[0]
        os.kill(victim, signal.SIGKILL)
        goes_on.set()
        survived = await asyncio.gather(*running)
        lost = {stream.worker for stream, whole in zip(streams, survived, strict=True) if not whole}
        assert len(lost) == 1
        assert [stream.worker in lost for stream in streams] == [not whole for whole in survived]
        whole = [stream.replies for stream in streams if stream.worker not in lost]
        assert whole == [whole[0]] * len(whole)
        assert len(whole[0]) == len(data)
        lengths = [json.loads(reply)["current_speech_summary"]["total_length"] for reply in whole[0]]
        assert lengths == sorted(lengths), "in order"
        # What it had counted stays in the sums, and its place is filled again.
        assert await asyncio.to_thread(gateway.metric, accepted) == STREAMS
        await asyncio.to_thread(wait_until, lambda: gateway.metric("gateway_workers") == 2)
        assert victim not in gateway.worker_pids
        assert await asyncio.to_thread(gateway.metric, accepted) == STREAMS


async def test_who_connects_while_a_worker_is_dead_is_served_by_the_other(
    triton: TritonAddress, tmp_path: Path
) -> None:
    with running_workers(triton, tmp_path) as gateway:
        before = set(gateway.worker_pids)
        os.kill(min(before), signal.SIGKILL)
        lost = attempts = 0
        while not set(gateway.worker_pids) - before:
            attempts += 1
            try:
                await (await connected(gateway, SUMMARY)).close()
            except (OSError, websockets.InvalidHandshake):
                lost += 1
        assert attempts > 20
        assert lost <= 1, "the one that the dead had accepted"


def fetch(gateway: GatewayAddress, path: str) -> bytes:
    with urllib.request.urlopen(gateway.http(path, "rest"), timeout=30) as response:
        content: bytes = response.read()
    return content


def exports(gateway: GatewayAddress) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in json.loads(fetch(gateway, "/export"))}


def deleted(gateway: GatewayAddress, export_id: str) -> int:
    request = urllib.request.Request(gateway.http(f"/export/{export_id}", "rest"), method="DELETE")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as e:
        return e.code


def all_written(gateway: GatewayAddress, count: int, seconds: float) -> bool:
    found = exports(gateway).values()
    return len(found) == count and all(each["seconds"] >= seconds for each in found)


async def finished(connection: Any, rest: bytes) -> str | None:
    """The export's id as its client is told it; None when the connection is lost."""
    try:
        for block in blocks(rest):
            await connection.send(block)
        await connection.send("eof")
        *_, told = [str(message) async for message in connection]
    except (websockets.ConnectionClosed, ValueError):
        return None
    return told


async def test_the_recordings_of_a_killed_worker_are_finished_by_a_living_one(
    triton: TritonAddress, tmp_path: Path
) -> None:
    pcm = say(TEXT, MINE)[: 16000 * 2].tobytes()
    half = len(pcm) // 2
    with running_workers(triton, tmp_path) as gateway:
        connections = await connected_to_both(gateway, "/", "live")
        ids = [connection.response.headers["X-Transcription-Id"] for connection in connections]
        for connection in connections:
            for block in blocks(pcm[:half]):
                await connection.send(block)
        await asyncio.to_thread(wait_until, lambda: all_written(gateway, STREAMS, half / 32_000 - 0.01))
        assert {each["state"] for each in exports(gateway).values()} == {"running"}
        assert {deleted(gateway, export_id) for export_id in ids} == {409}
        os.kill(gateway.worker_pids[0], signal.SIGKILL)
        told = await asyncio.gather(*(finished(connection, pcm[half:]) for connection in connections))
        lost = {worker_of(each) for each, export_id in zip(connections, told, strict=True) if export_id is None}
        assert len(lost) == 1
        died = [each for each, connection in zip(ids, connections, strict=True) if worker_of(connection) in lost]
        await asyncio.to_thread(wait_until, lambda: gateway.metric(RECOVERED) == len(died))
        for connection, export_id, answer in zip(connections, ids, told, strict=True):
            lives = worker_of(connection) not in lost
            assert answer == (export_id if lives else None)
            assert exports(gateway)[export_id]["state"] == ("complete" if lives else "incomplete")
            assert fetch(gateway, f"/export/audio/{export_id}")[44:] == (pcm if lives else pcm[:half])
        log = gateway.log_file.read_text()
    *_, before_the_new = log.split("workers: worker serves")[:3]
    assert before_the_new.count("exports: export recovered") == len(died), "nobody waited for a new worker"


async def test_a_worker_that_hangs_is_replaced_and_loses_no_recording(triton: TritonAddress, tmp_path: Path) -> None:
    pcm = bytes(2 * BLOCK_BYTES)
    with running_workers(triton, tmp_path, {"GATEWAY_SERVER__HUNG_SECONDS": "2"}) as gateway:
        connections = await connected_to_both(gateway, "/", "live")
        for connection in connections:
            for block in blocks(pcm):
                await connection.send(block)
        await asyncio.to_thread(wait_until, lambda: all_written(gateway, STREAMS, len(pcm) / 32_000 - 0.01))
        hung = gateway.worker_pids[0]
        os.kill(hung, signal.SIGSTOP)
        came = await asyncio.gather(*(connected(gateway, SUMMARY) for _ in range(STREAMS)))
        assert len({worker_of(connection) for connection in came}) == 1, (
            "whoever came to the hung one is with the other"
        )
        told = await asyncio.gather(*(finished(connection, b"") for connection in connections))
        lost = {worker_of(each) for each, export_id in zip(connections, told, strict=True) if export_id is None}
        assert len(lost) == 1
        assert worker_of(came[0]) not in lost
        await asyncio.to_thread(wait_until, lambda: gateway.metric(RECOVERED) == told.count(None))
        assert {each["seconds"] for each in exports(gateway).values()} == {len(pcm) / 32_000}
        await asyncio.to_thread(wait_until, lambda: gateway.metric("gateway_workers") == 2)
        assert hung not in gateway.worker_pids
        log = gateway.log_file.read_text()
        assert log.count("worker hung") == 1
        assert f"worker hung pid={hung} " in log


async def test_so_many_connections_are_taken_as_are_set_by_all(triton: TritonAddress, tmp_path: Path) -> None:
    settings = {"GATEWAY_SERVER__MAX_CONNECTIONS": str(STREAMS), "GATEWAY_SERVER__WORKERS": "4"}
    with running_workers(triton, tmp_path, settings) as gateway:
        connections = [await connected(gateway, SUMMARY) for _ in range(STREAMS)]
        for _ in range(8):
            with pytest.raises(websockets.InvalidStatus, match="503"):
                await connected(gateway, SUMMARY)
        await connections.pop().close()
        await asyncio.to_thread(wait_until, lambda: gateway.metric(CONNECTIONS) == STREAMS - 1)
        connections.append(await connected(gateway, SUMMARY))
        os.kill(gateway.worker_pids[0], signal.SIGKILL)
        lost = [each for each in connections if await is_closed(each)]
        assert 0 < len(lost) < STREAMS
        # Whoever died holds no place once the parent knows of it.
        await asyncio.to_thread(wait_until, lambda: "worker died" in gateway.log_file.read_text())
        await asyncio.gather(*(connected(gateway, SUMMARY) for _ in lost))
        with pytest.raises(websockets.InvalidStatus, match="503"):
            await connected(gateway, SUMMARY)


async def is_closed(connection: Any) -> bool:
    """It answers its first message, or is lost."""
    try:
        await connection.send("16000")
        await connection.recv()
    except websockets.ConnectionClosed:
        return True
    return False


async def test_the_room_for_recordings_is_one_for_all_workers(triton: TritonAddress, tmp_path: Path) -> None:
    with running_workers(triton, tmp_path, {"GATEWAY_EXPORTS__QUOTA_BYTES": "400000"}) as gateway:
        first = await connected(gateway, "/", "live")
        other = await connected(gateway, "/", "live")
        while worker_of(other) == worker_of(first):
            await finished(other, b"")
            other = await connected(gateway, "/", "live")
        assert await finished(first, bytes(300_000))
        with pytest.raises(websockets.ConnectionClosed, match=r"1013.*no more room"):
            await pushed(other, bytes(300_000))
        assert sum(each["seconds"] for each in exports(gateway).values()) * 32_000 <= 400_000


async def pushed(connection: Any, pcm: bytes) -> None:
    for block in blocks(pcm):
        await connection.send(block)
    await connection.send("eof")
    while True:
        await connection.recv()


def test_any_worker_tells_the_sums_of_all(triton: TritonAddress, tmp_path: Path) -> None:
    with running_workers(triton, tmp_path) as gateway:
        for _ in range(30):
            assert gateway.get("/health")[0] == 200
        sample = 'gateway_http_requests_total{path="/health",status="200"}'
        assert [gateway.metric(sample) for _ in range(6)] == [30.0] * 6
        assert gateway.metric('gateway_model_ready{model="vad"}') == 1
        assert gateway.metric("gateway_open_descriptors") > 20
        request = urllib.request.Request(gateway.http("/metrics"), headers={"Accept": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            figures = json.loads(response.read())
        assert figures["memory_usage_mb"] > 100, "of two processes"
