"""A machine on which everything takes too long lets nobody in, says why in each protocol's way, and opens again."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.gateway.test_limits import refusal
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import TritonAddress, wait_until

WORDS = "the machine is 100 % full, people wait already for what is running: try again in 5 s"


@pytest.fixture(scope="module")
def full(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    settings = {"GATEWAY_ADMISSION__ENABLED": "true", "GATEWAY_ADMISSION__LOOP_LAG_SECONDS": "0.000000001"}
    with running_gateway(triton, tmp_path_factory.mktemp("full"), settings) as address:
        wait_until(lambda: load(address)["takes"] == [])
        yield address


def load(gateway: GatewayAddress) -> dict[str, object]:
    said: dict[str, object] = json.loads(gateway.get("/health/ready")[1])["load"]
    return said


async def test_an_upgrade_is_told_when_to_come_back(full: GatewayAddress) -> None:
    status, retry_after, body = await refusal(full.ws("/", "live"))
    assert (status, retry_after) == (503, "5")
    assert json.loads(body)["message"] == WORDS
    assert full.metric('gateway_full_refused_total{kind="streams"}') >= 1
    assert full.metric("gateway_full_percent") == 100
    assert load(full) == {"full_percent": 100, "streams": 0, "capacity_streams": None, "takes": []}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/speech_summary_engine/get_speech_summary_from_samples?sample_rate=16000", 503),
        ("/v1/audio/transcriptions", 429),
        ("/v1/listen", 503),
    ],
)
def test_an_upload_is_refused_before_it_is_read(full: GatewayAddress, path: str, status: int) -> None:
    request = urllib.request.Request(full.http(path), bytes(3200), {"Content-Type": "application/octet-stream"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (status, "5")
    assert WORDS in refused.value.read().decode()


async def test_a_plain_connection_is_hung_up_on(full: GatewayAddress) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", full.ports["wyoming"])
    writer.write(b'{"type": "describe"}\n')
    assert WORDS in (await reader.read()).decode()
    writer.close()
