"""Each dialect once, all at the same time; `make soak SOAK=mixed` goes on for an hour."""

import asyncio

import aiohttp
import pytest

from docker.triton.launcher import shared_memory_prefix
from tests.gateway_server import GatewayAddress
from tests.soak import dialects
from tests.soak.mixed import slope_mb_a_minute
from tests.soak.readings import Reading, read
from tests.triton_server import ROOT


async def test_all_dialects_are_spoken_at_once(gateway: GatewayAddress) -> None:
    async with aiohttp.ClientSession() as web:
        visitor = dialects.Visitor(gateway, web, dialects.speech())
        talks = [talk(visitor) for talk in dialects.DIALECTS.values()]
        failed = await asyncio.gather(*talks, return_exceptions=True)
    assert dict(zip(dialects.DIALECTS, failed, strict=True)) == dict.fromkeys(dialects.DIALECTS)


def test_what_a_gateway_holds_can_be_read_from_outside(gateway: GatewayAddress) -> None:
    reading = read(gateway, shared_memory_prefix(ROOT))
    assert reading.resident_mb > 10
    assert reading.descriptors > 10
    assert reading.tasks > 0
    assert reading.beyond(reading) == dict.fromkeys(reading.beyond(reading), 0)


@pytest.mark.parametrize("growth", [0.0, 2.5])
def test_a_slope_is_what_memory_grows_by_in_a_minute(growth: float) -> None:
    readings = [Reading(30.0 * step, 100 + growth * step / 2, 0, 0, 0, 0, 0, 0, 0, 0) for step in range(10)]
    assert slope_mb_a_minute(readings) == pytest.approx(growth)
