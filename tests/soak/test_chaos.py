"""What breaks around a gateway and inside it, in short; `make soak SOAK=chaos` breaks more, and for longer."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.gateway_server import running_gateway
from tests.soak.chaos import MISHAPS, Stage, figures_of, suffer
from tests.soak.chaos_inside import FULL, INSIDE, Inside, opened
from tests.soak.tcp_proxy import TcpProxy
from tests.triton_server import TritonAddress


@pytest.fixture(scope="module")
def stage(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        TcpProxy(triton.grpc_port).running() as link,
        running_gateway(replace(triton, grpc_port=link.port), tmp_path_factory.mktemp("gateway")) as gateway,
    ):
        yield Stage(gateway, triton, link)


@pytest.fixture(scope="module")
def inside(triton: TritonAddress) -> Iterator[Inside]:
    with TcpProxy(triton.grpc_port).running() as link, opened(triton, link, small=False) as stage:
        yield stage


@pytest.mark.parametrize("mishap", [name for name in MISHAPS if name.startswith(("the way", "the decoders"))])
async def test_nothing_is_lost_and_all_is_well_again(stage: Stage, mishap: str) -> None:
    suffered = await suffer(stage, MISHAPS[mishap], streams=3)
    assert not [figure for figure in figures_of(mishap, suffered) if figure.missed]


@pytest.mark.parametrize("mishap", [name for name in INSIDE if name != FULL])
async def test_nor_when_it_breaks_inside(inside: Inside, mishap: str) -> None:
    suffered = await suffer(inside, INSIDE[mishap], streams=3, seconds=3.0)
    assert not [figure for figure in figures_of(mishap, suffered) if figure.missed]
