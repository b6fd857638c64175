"""`/speech_summary_stream[_opus]`: how much of the stream is speech so far?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frontend.dialogue.commands import Text
from frontend.dialogue.events import Event, SpeechSummarised
from frontend.dialogue.tasks import Task
from frontend.machines.summary import FRAME_MS, SpeechSummary
from frontend.protocols.voice import VoiceProtocol, voice_profile
from frontend.tasks.summary import SummariseSpeech


@dataclass(frozen=True)
class SummaryText:
    """Written out when the client takes it: ten minutes of replies that nobody reads hold one list of flags."""

    summary: SpeechSummary

    def encode(self) -> bytes:
        s = self.summary
        speech = s.speech_seconds
        head = (
            f'{{"current_background_length":{s.trailing_background_seconds!r},"speech_length":{speech!r},'
            f'"current_speech_summary":{{"background_length":{s.background_seconds!r},"speech_signal_length":{speech!r},'
            f'"total_length":{s.total_seconds!r},"vad_result":{{"frame_length_ms":{float(FRAME_MS)!r},"frames":['
        )
        return head.encode() + s.flags() + b"]}}}"


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
