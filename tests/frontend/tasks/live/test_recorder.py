"""An export that is begun is ended, whatever becomes of its stream."""

import asyncio
from pathlib import Path

import pytest

from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Tee
from frontend.speech import RATE
from frontend.tasks.live.recorder import Recorder
from tests.frontend.live_stage import CALLER, EXPORT_ID, Kept, Stage
from tests.frontend.spoken_tones import ToneSpeech


async def begin(stage: Stage) -> Recorder:
    return await Recorder.begin(stage, EXPORT_ID, CALLER, RATE)


async def test_a_record_whose_beginning_cannot_be_read_again_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(tee: Tee) -> None:
        raise OSError(5, "Input/output error")

    kept = Kept()
    stage = Stage(Services(ToneSpeech(), exports=kept), tmp_path)
    monkeypatch.setattr(stage.audio, "record_with", broken)
    with pytest.raises(OSError, match="Input/output"):
        await begin(stage)
    assert kept.state == "incomplete"


async def test_so_is_one_that_is_stopped_in_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = asyncio.Event()

    async def slow(tee: Tee) -> None:
        reading.set()
        await asyncio.Event().wait()

    kept = Kept()
    stage = Stage(Services(ToneSpeech(), exports=kept), tmp_path)
    monkeypatch.setattr(stage.audio, "record_with", slow)
    beginning = asyncio.create_task(begin(stage))
    await reading.wait()
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    assert kept.state == "incomplete"
