"""Whatever audio a live stream keeps counts against what may be held for clients."""

from pathlib import Path

import numpy as np

from frontend.config import settings
from frontend.dialogue.events import Event
from frontend.dialogue.services import Services
from frontend.media.stream import AudioFormat
from frontend.speech import ASR, RATE, Decoding, ModelRef, Samples, Transcript
from frontend.tasks.live.options import LiveOptions, Wishes
from frontend.tasks.live.transcribe import TranscribeLive
from tests.frontend.live_stage import CALLER, Source, Stage, in_tenths, lengths
from tests.frontend.spoken_tones import ToneSpeech, speech_of


class Weighing(ToneSpeech):
    """Looks at what is held while it is asked."""

    stage: Stage
    asked = 0

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        self.asked += 1
        assert self.stage.held.used_bytes >= samples.nbytes
        return await super().transcribe(samples, decoding, model)


def task() -> TranscribeLive:
    return TranscribeLive(LiveOptions.of(settings.Settings(), CALLER, Wishes(AudioFormat(RATE))))


async def test_an_utterance_is_held_while_it_is_transcribed(tmp_path: Path) -> None:
    samples, said = speech_of([(9000, 8000), (9000, 500), (9000, 500)])
    speech = Weighing(lengths(said))
    speech.stage = stage = Stage(Services(speech), tmp_path)
    await stage.perform(task(), Source(in_tenths(samples), at_once=False))
    assert speech.asked >= 2


class Weighed(Stage):
    """Looks at what is held whenever something is told."""

    found_bytes = 0

    def tell(self, event: Event) -> None:
        super().tell(event)
        self.found_bytes = max(self.found_bytes, self.held.used_bytes)


async def test_what_lies_before_an_utterance_is_held_in_silence(tmp_path: Path) -> None:
    stage = Weighed(Services(ToneSpeech()), tmp_path)
    await stage.perform(task(), Source(in_tenths(np.zeros(4 * RATE, np.int16)), at_once=False))
    assert 2.4 * RATE < stage.found_bytes < 4 * RATE
