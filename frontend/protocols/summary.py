"""`/speech_summary_stream[_opus]`: how much of the stream is speech so far?"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frontend.dialogue.commands import Event, SpeechSummarised, Task, Text
from frontend.machines.summary import FRAME_MS, SpeechSummary
from frontend.protocols.voice import VoiceProtocol, voice_profile
from frontend.tasks.summary import SummariseSpeech


@dataclass(frozen=True)
class SummaryText:
    """Written out when the client takes it: ten minutes of replies that nobody reads hold one list of flags."""

    summary: SpeechSummary

    def encode(self) -> bytes:
        s = self.summary
        lengths = (s.trailing_background_seconds, s.speech_seconds, s.background_seconds, s.speech_seconds)
        current, speech, background, signal = map(json.dumps, lengths)
        head = (
            f'{{"current_background_length":{current},"speech_length":{speech},"current_speech_summary":'
            f'{{"background_length":{background},"speech_signal_length":{signal},'
            f'"total_length":{json.dumps(s.total_seconds)},'
            f'"vad_result":{{"frame_length_ms":{float(FRAME_MS)},"frames":['
        )
        return head.encode() + s.flags() + b"]}}}"


class SpeechSummaryStream(VoiceProtocol):
    """Rate; then the summary of everything so far a message."""

    profile = voice_profile("speech_summary_stream")

    def parameters(self) -> tuple[Callable[[str], Any], ...]:
        return (self.rate,)

    def task(self, *values: Any) -> Task:
        (rate,) = values
        return SummariseSpeech(self.listening(rate), self._setting.options.voice.summary_frames_seconds)

    def word(self, event: Event) -> Text:
        assert isinstance(event, SpeechSummarised)
        return SummaryText(event.summary)


class SpeechSummaryStreamOpus(SpeechSummaryStream):
    profile = voice_profile("speech_summary_stream_opus")
    encoding = "opus"
