"""A gateway before two Tritons of which one dies, and then stands still: every reply comes, in order."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from tests.gateway.test_survival import chunks, summary_of
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, TritonAddress, running_triton, wait_until
from tests.voices import TEXT, say, silence

STREAMS = 50
PATH = "/speech_summary_stream"


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonAddress]:
    directory = tmp_path_factory.mktemp("harmed")
    shutil.copytree(ROOT / "model_repository" / "vad", directory / "repository" / "vad")
    patience = ["--unresponsive-seconds", "120"]  # one that stands still stands until the test is over
    with running_triton(directory / "repository", directory / "triton", launcher_arguments=patience) as address:
        yield address


@pytest.fixture(scope="module")
def before_two(
    triton: TritonAddress, harmed: TritonAddress, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayAddress]:
    both = ", ".join(f"'127.0.0.1:{each.grpc_port}'" for each in (triton, harmed))
    settings = {"GATEWAY_TRITON__ENDPOINTS": f"[{both}]", "GATEWAY_TRITON__MODELS": "[vad]"}
    with running_gateway(triton, tmp_path_factory.mktemp("before_two"), settings) as address:
        yield address


def state_at(gateway: GatewayAddress, triton: TritonAddress) -> str:
    """What /health/ready says of voice activity there."""
    endpoints = json.loads(gateway.get("/health/ready")[1])["endpoints"]
    return str(endpoints[f"127.0.0.1:{triton.grpc_port}"]["vad"])


async def streams_over(gateway: GatewayAddress, pid: int, number: int) -> None:
    """The signal comes when a third of the audio has been sent."""
    data = chunks(np.concatenate([silence(0.5), say(TEXT)[: 16000 * 2], silence(0.5)]))
    expected = await summary_of(gateway.ws(PATH), data, 0.0, asyncio.Semaphore(0))
    begun = asyncio.Semaphore(0)
    streams = [asyncio.create_task(summary_of(gateway.ws(PATH), data, 0.05, begun)) for _ in range(STREAMS)]
    for _ in range(STREAMS * len(data) // 3):
        await begun.acquire()
    os.kill(pid, number)
    for replies in await asyncio.gather(*streams):
        assert replies == expected


async def test_fifty_streams_go_on_over_the_death_of_one_of_two(
    before_two: GatewayAddress, harmed: TritonAddress
) -> None:
    await asyncio.to_thread(wait_until, lambda: state_at(before_two, harmed) == "ready")
    dead = harmed.server_pid
    assert dead is not None
    await streams_over(before_two, dead, signal.SIGKILL)
    await asyncio.to_thread(wait_until, lambda: state_at(before_two, harmed) == "ready")
    assert harmed.server_pid not in (None, dead), "it was restarted, and is asked again"


async def test_fifty_streams_go_on_over_one_of_two_that_stands_still(
    before_two: GatewayAddress, harmed: TritonAddress
) -> None:
    await asyncio.to_thread(wait_until, lambda: state_at(before_two, harmed) == "ready")
    standing = harmed.server_pid
    assert standing is not None
    try:
        await streams_over(before_two, standing, signal.SIGSTOP)
        assert before_two.metric("gateway_endpoint_left_total") > 0
        assert before_two.get("/health/ready")[0] == 200
    finally:
        os.kill(standing, signal.SIGCONT)
    await asyncio.to_thread(wait_until, lambda: state_at(before_two, harmed) == "ready")
