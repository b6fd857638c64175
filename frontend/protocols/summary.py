"""`/speech_summary_stream[_opus]`: how much of the stream is speech so far?"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frontend.dialogue.commands import Text
from frontend.dialogue.events import Event, SpeechSummarised
from frontend.dialogue.tasks import Task
from frontend.machines.summary import FRAME_MS, SpeechSummary, seconds_of
from frontend.protocols.voice import VoiceProtocol, voice_profile
from frontend.tasks.summary import SummariseSpeech

_FRAME_MS = repr(float(FRAME_MS))


@dataclass(slots=True)
class SummaryText:
    """Written out when the client takes it: ten minutes of replies that nobody reads hold one list of flags."""

    summary: SpeechSummary

    def encode(self) -> bytes:
        s = self.summary
        speech, trailing = _frames_text(s.speech_frames), _frames_text(s.trailing_frames)
        background, total = _frames_text(s.frames - s.speech_frames), _text(s.client_samples, s.rate)
        head = (
            f'{{"current_background_length":{trailing},"speech_length":{speech},'
            f'"current_speech_summary":{{"background_length":{background},"speech_signal_length":{speech},'
            f'"total_length":{total},"vad_result":{{"frame_length_ms":{_FRAME_MS},"frames":['
        )
        return b"".join((head.encode(), s.flags(), b"]}}}"))


@functools.lru_cache(maxsize=4096)  # streams that run beside each other come to the same numbers
def _text(count: int, a_second: int) -> str:
    return repr(seconds_of(count, a_second))


@functools.lru_cache(maxsize=4096)
def _frames_text(frames: int) -> str:
    return _text(frames * FRAME_MS, 1000)


class SpeechSummaryStream(VoiceProtocol):
    """Rate; then the summary of everything so far a message."""

    profile = voice_profile("speech_summary_stream")

    def parameters(self) -> tuple[Callable[[str], Any], ...]:
        return (self.rate,)

    def task(self, *values: Any) -> Task:
        (rate,) = values
        return SummariseSpeech(self.listening(rate), self._context.options.voice.summary_frames_seconds)

    def word(self, event: Event) -> Text:
        assert isinstance(event, SpeechSummarised)
        return SummaryText(event.summary)


class SpeechSummaryStreamOpus(SpeechSummaryStream):
    profile = voice_profile("speech_summary_stream_opus")
    encoding = "opus"
