"""The gateway put together: what it does by itself, for as long as it runs."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from frontend.app import Gateway
from frontend.config.settings import Exports, Limits, Ports, Settings
from frontend.workers.worker import alone


async def test_watching_the_models_goes_on_after_a_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = Settings(
        ports=Ports(**dict.fromkeys((field.name for field in dataclasses.fields(Ports)), 0)),
        exports=Exports(directory=str(tmp_path / "exports")),
        limits=Limits(spool_directory=str(tmp_path / "spool")),
    )
    gateway, asked_again = Gateway(options, alone(options)), asyncio.Event()

    async def ready() -> None:
        if caplog.records:
            asked_again.set()
        else:
            raise RuntimeError

    gateway._speech.ready = ready  # type: ignore[method-assign,assignment]
    await gateway.start()
    try:
        async with asyncio.timeout(10):
            await asked_again.wait()
    finally:
        await gateway.stop()
    assert [record.__dict__["facts"]["work"] for record in caplog.records] == ["watch_models"]
