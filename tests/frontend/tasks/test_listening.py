"""From a stream's messages to what was heard of each, turn by turn."""

import asyncio
from pathlib import Path

import numpy as np

from frontend.dialogue.services import Services
from frontend.media.stream import AudioFormat
from frontend.speech import RATE, Listener
from frontend.tasks.heard import MOST_WINDOWS, WINDOW_BYTES, Heard
from frontend.tasks.listening import Listening, StreamListener
from tests.frontend.live_stage import Stage
from tests.frontend.spoken_tones import ToneSpeech


class ByHand(ToneSpeech):
    """Hears nothing in a turn's windows when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self.waiting.append(listener)

    def turn(self) -> None:
        listener = self.waiting.pop()
        sound = listener.row()
        assert sound is not None
        listener.answered((np.zeros(len(sound.samples) * 2 // WINDOW_BYTES, np.float32), sound.state))


async def test_what_is_decided_of_a_message_is_held_until_the_message_is_told(tmp_path: Path) -> None:
    speech, heard, windows = ByHand(), list[Heard](), MOST_WINDOWS + 30
    stage = Stage(Services(speech), tmp_path)
    listener = StreamListener(Listening(AudioFormat(RATE)), stage, heard.append)
    listener.begin()
    message = bytes(windows * WINDOW_BYTES)
    stage.audio.put(message, stage.audio.lease(len(message)))
    turns = 0
    while not heard:
        assert stage.held.used_bytes >= len(message)
        speech.turn()
        turns += 1
        await asyncio.sleep(0)  # the rest is decoded
    assert turns > 1
    assert [len(each.activity.pcm) for each in heard] == [len(message)]
    assert stage.held.used_bytes == 0
    await stage.audio.close()
