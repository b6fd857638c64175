"""What a task that does one thing after the other is told of its stream: one thing when it asks for it."""

import asyncio
from pathlib import Path

from frontend.dialogue.services import Services
from frontend.media.stream import AudioFormat
from frontend.speech import RATE
from frontend.tasks.hearing import Hearing
from frontend.tasks.listening import Listening
from tests.frontend.live_stage import Stage
from tests.frontend.spoken_tones import ToneSpeech


async def test_what_its_client_wants_to_know_waits_in_the_queue_until_the_task_looks(tmp_path: Path) -> None:
    stage = Stage(Services(ToneSpeech()), tmp_path)
    hearing = Hearing(Listening(AudioFormat(RATE)), stage, asyncio.Event())
    hearing.begin_by_turns()
    for number in range(3):
        stage.audio.put(bytes([number, 0]), stage.audio.lease(2))
        stage.audio.flush()
    for _ in range(20):  # turns of the event loop, in which nobody asks for anything
        await asyncio.sleep(0)
    assert len(stage.audio.flushes) == 3
    heard = [await hearing.next() for _ in range(3)]
    assert [each and each.rest for each in heard] == [b"\0\0", b"\0\0\1\0", b"\0\0\1\0\2\0"]
    assert stage.audio.flushes == []
    await stage.audio.close()
