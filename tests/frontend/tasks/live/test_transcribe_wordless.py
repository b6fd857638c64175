"""A stream in which something sounds and nobody speaks: it costs a recogniser little."""

import numpy as np

from frontend.dialogue.services import Services
from frontend.speech import RATE, Decoding, Samples, Word
from tests.frontend.live_stage import Source, cut, live
from tests.frontend.spoken_tones import ToneSpeech


async def test_sound_without_words_is_asked_about_eagerly_for_its_first_seconds_only() -> None:
    eager, later = [len(await _asked_about_music(seconds)) for seconds in (3, 13)]
    assert eager >= 9, "five times a second, but for the first half"
    assert later - eager <= 24, "twice a second, and a final each few seconds"


async def _asked_about_music(seconds: int) -> list[Decoding]:
    music, speech = np.full(seconds * RATE, 3000, np.int16), _Wordless()
    await live(Source(cut(music.tobytes(), [1600]), at_once=False), Services(speech))
    return speech.calls


class _Wordless(ToneSpeech):
    def _words(self, samples: Samples) -> tuple[Word, ...]:
        return ()
