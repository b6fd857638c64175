"""A way to Triton that breaks; `make soak SOAK=chaos` breaks more than that."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.gateway_server import running_gateway
from tests.soak.chaos import MISHAPS, Stage, suffer
from tests.soak.tcp_proxy import TcpProxy
from tests.triton_server import TritonAddress


@pytest.fixture(scope="module")
def stage(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        TcpProxy(triton.grpc_port).running() as link,
        running_gateway(replace(triton, grpc_port=link.port), tmp_path_factory.mktemp("gateway")) as gateway,
    ):
        yield Stage(gateway, triton, link)


@pytest.mark.parametrize("mishap", [name for name in MISHAPS if name.startswith(("the way", "the decoders"))])
async def test_nothing_is_lost_and_all_is_well_again(stage: Stage, mishap: str) -> None:
    wrong, _, _ = await suffer(stage, MISHAPS[mishap], streams=3)
    assert wrong == 0
