"""Watch a stream for the end of an utterance."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from frontend.dialogue.commands import AudioSource, EndpointWatched, Event, Failed, Task
from frontend.dialogue.services import Services
from frontend.machines.endpoint import EndpointDetector, EndpointOptions
from frontend.tasks.listening import Listener, Listening


@dataclass(frozen=True)
class DetectEndpoint(Task):
    listening: Listening
    options: EndpointOptions

    async def run(self, audio: AudioSource, services: Services) -> AsyncIterator[Event]:
        detector = EndpointDetector(self.options)
        async for heard in Listener(self.listening, services.speech).hear(audio):
            ended = detector.feed(heard.activity.decisions, heard.activity.probabilities)
            yield Failed(heard.error) if heard.error else EndpointWatched(ended)
