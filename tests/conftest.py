"""What the tests of several folders share: one Triton with the bundled models, one gateway in front of it."""

import asyncio
import gc
import importlib
import inspect
import sys
from collections.abc import Iterator

import hypothesis
import pytest

from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, TritonAddress, running_triton
from tests.unit import Watch, is_unit, tell_of_graphs

WATCH = Watch()


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonAddress]:
    """The project's own models; tests that harm a server start one of their own."""
    with running_triton(ROOT / "model_repository", tmp_path_factory.mktemp("triton")) as address:
        yield address


@pytest.fixture(scope="session")
def gateway(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    with running_gateway(triton, tmp_path_factory.mktemp("gateway")) as address:
        yield address


@pytest.fixture(autouse=True)
def watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """A unit test keeps to itself."""
    if not request.node.get_closest_marker("unit"):
        yield
        return
    with WATCH.over():
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_unit(item):
            item.add_marker("unit")
        elif not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))  # on a busy machine programs start slowly


def pytest_collection_finish() -> None:
    gc.enable()
    gc.freeze()  # what is here now stays to the end, and tests that look for leaks need not go through all of it


def pytest_configure() -> None:
    gc.disable()  # nearly all that is collected stays, and to search it again and again took a fifth of the time
    importlib.import_module("numpy.testing")  # asks lscpu about the processor when it is first used
    tell_of_graphs(importlib.import_module("onnxruntime").InferenceSession)
    sys.addaudithook(WATCH.hear)
    # The machine may be slow; what is wrong is found again from the printed example.
    for name, examples in (("quick", 20), ("whole", 60)):  # --hypothesis-profile names another than the last
        hypothesis.settings.register_profile(name, deadline=None, derandomize=True, max_examples=examples)
    hypothesis.settings.load_profile("whole")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that is a coroutine runs in an event loop of its own, for at most a minute."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in wanted}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 60))
    return True
