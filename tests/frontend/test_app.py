"""The gateway put together: what it does by itself, for as long as it runs."""

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from frontend import app
from frontend.app import Gateway, watch_seconds
from frontend.config.settings import Exports, Limits, Ports, Quota, Server, Settings, Triton
from frontend.errors import SettingsError
from frontend.speech import Readiness
from frontend.telemetry.upkeep import kept_up
from frontend.workers.worker import alone

ANY = Ports(**dict.fromkeys((field.name for field in dataclasses.fields(Ports)), 0))


async def test_watching_the_models_goes_on_after_a_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "kept_up", functools.partial(kept_up, pause_seconds=0.0))
    options = Settings(
        ports=ANY,
        exports=Exports(directory=str(tmp_path / "exports")),
        limits=Limits(spool_directory=str(tmp_path / "spool")),
    )
    gateway, asked_again = Gateway(options, alone(options)), asyncio.Event()

    async def ready() -> Readiness:
        if not caplog.records:
            raise RuntimeError
        asked_again.set()
        return Readiness({})

    gateway._speech.ready = ready  # type: ignore[method-assign]
    await gateway.start()
    try:
        async with asyncio.timeout(10):
            await asked_again.wait()
    finally:
        await gateway.stop()
    assert [record.__dict__["facts"]["work"] for record in caplog.records] == ["watch_models"]


async def test_what_is_waited_for_is_told_when_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "watch_seconds", lambda *_: 0.01)
    options = Settings(
        ports=ANY,
        exports=Exports(enabled=False),
        limits=Limits(spool_directory=str(tmp_path / "spool")),
        triton=Triton(readiness_cache_seconds=0.01),
    )
    gateway, asked = Gateway(options, alone(options)), asyncio.Event()
    down: Mapping[str, str | None] = {"vad": "no Triton", "asr": "no Triton"}
    half: Mapping[str, str | None] = {"vad": None, "asr": "not loaded"}
    answers = iter([down, down, half, {"asr": None}])

    async def ready() -> Readiness:
        if (answer := next(answers, None)) is not None:
            return Readiness(answer)
        asked.set()
        return Readiness({"asr": None})

    gateway._speech.ready = ready  # type: ignore[method-assign]
    with caplog.at_level(logging.INFO):
        await gateway.start()
        try:
            async with asyncio.timeout(20):
                await asked.wait()
        finally:
            await gateway.stop()
    told = [(record.message, record.__dict__["facts"]) for record in caplog.records if "ready" in record.message]
    assert told == [
        ("not ready, waiting for models", {"models": "vad asr", "reason": "no Triton"}),
        ("not ready, waiting for models", {"models": "asr", "reason": "not loaded"}),
        ("ready", {}),
    ]


def test_several_processes_ask_the_models_together_as_often_as_one() -> None:
    three = Settings(server=Server(workers=3))
    assert watch_seconds(Settings(), Readiness({"vad": None})) == 1
    assert watch_seconds(three, Readiness({"vad": None}, endpoints={"a": {"vad": None}})) == 3


def test_each_process_looks_soon_at_a_model_that_fails() -> None:
    three = Settings(server=Server(workers=3))
    assert watch_seconds(three, Readiness({"vad": "busy"})) == 1
    assert watch_seconds(three, Readiness({"asr": None}, {"whisper 2": "gone"})) == 1
    assert watch_seconds(three, Readiness({"vad": None}, endpoints={"a": {"vad": None}, "b": {"vad": "gone"}})) == 1


@pytest.mark.parametrize(
    ("options", "section"),
    [
        (Settings(ports=ANY, key_limits=Quota(protocols=("live", "liv"))), "key_limits"),
        (Settings(ports=ANY, address_limits=Quota(protocols=("liv",))), "address_limits"),
    ],
)
def test_a_limit_to_a_protocol_that_there_is_not_is_told_at_the_start(options: Settings, section: str) -> None:
    place = alone(options)
    try:
        with pytest.raises(SettingsError, match=rf"^{section}\.protocols names 'liv': there is only .*, live, "):
            Gateway(options, place)
    finally:
        for each in (each for sockets in place.listeners.values() for each in sockets):
            each.close()
