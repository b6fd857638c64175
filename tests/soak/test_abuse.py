"""A little of each kind of abuse; `make soak SOAK=abuse` does all of it."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.bench.wire import connect
from tests.gateway_server import GatewayAddress
from tests.soak import abuse, misbehaviour
from tests.triton_server import wait_until

SCALE = 0.02


@pytest.fixture(scope="module")
def attacked() -> Iterator[GatewayAddress]:
    with abuse.guarded_gateway() as gateway:
        yield gateway


async def settled() -> None:
    """What was closed or aborted is gone."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", misbehaviour.KINDS)
async def test_who_misbehaves_costs_nobody_else_a_connection_and_leaves_nothing(
    attacked: GatewayAddress, kind: str
) -> None:
    here = misbehaviour.Attacked(attacked, SCALE)
    other = await connect(here.endpoint)
    assert await misbehaviour.KINDS[kind](here) > 0
    await other.send(abuse.SILENCE)
    assert b"speech_length" in await other.reply()
    other.transport.abort()
    await settled()
    await asyncio.to_thread(wait_until, lambda: attacked.metric("gateway_held_bytes") == 0)
    assert " ERROR " not in attacked.log_file.read_text()


async def test_idle_sockets_are_kept(attacked: GatewayAddress) -> None:
    figures = {each.name: each for each in await abuse.idle_sockets(misbehaviour.Attacked(attacked, SCALE))}
    await settled()
    assert figures["idle sockets"].value == 200
    assert figures["idle sockets: hung up on"].value == 0
    assert not figures["idle sockets: all of the gateway"].missed
