"""What the tests of several folders share: one Triton with the bundled models, one gateway in front of it."""

from collections.abc import Iterator

import hypothesis
import pytest

from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, TritonAddress, running_triton


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonAddress]:
    """The project's own models; tests that harm a server start one of their own."""
    with running_triton(ROOT / "model_repository", tmp_path_factory.mktemp("triton")) as address:
        yield address


@pytest.fixture(scope="session")
def gateway(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    with running_gateway(triton, tmp_path_factory.mktemp("gateway")) as address:
        yield address


def pytest_configure() -> None:
    # The machine may be slow; what is wrong is found again from the printed example.
    hypothesis.settings.register_profile("here", deadline=None, derandomize=True, max_examples=60)
    hypothesis.settings.load_profile("here")
