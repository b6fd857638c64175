"""`/speech_endpoint_detector[_opus]`: has the utterance ended?"""

from collections.abc import Callable
from typing import Any

from frontend.dialogue.commands import Text
from frontend.dialogue.events import EndpointWatched, Event
from frontend.dialogue.tasks import Task
from frontend.machines.endpoint import EndpointOptions
from frontend.protocols.voice import VoiceProtocol, number, voice_profile
from frontend.tasks.endpoint import DetectEndpoint


class SpeechEndpoint(VoiceProtocol):
    """Minimum speech in ms, silence after the utterance in ms, rate; then `true` or `false` a message."""

    profile = voice_profile("speech_endpoint_detector")

    def parameters(self) -> tuple[Callable[[str], Any], ...]:
        return number, number, self.rate

    def task(self, *values: Any) -> Task:
        min_speech_ms, silence_ms, rate = values
        return DetectEndpoint(self.listening(rate), EndpointOptions(min_speech_ms, silence_ms))

    def word(self, event: Event) -> Text:
        assert isinstance(event, EndpointWatched)
        return "true" if event.ended else "false"


class SpeechEndpointOpus(SpeechEndpoint):
    profile = voice_profile("speech_endpoint_detector_opus")
    encoding = "opus"
