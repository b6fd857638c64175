"""Watch a stream for the end of an utterance."""

from dataclasses import dataclass

from frontend.dialogue.events import EndpointWatched, Failed
from frontend.dialogue.tasks import Stream, Task
from frontend.machines.endpoint import EndpointDetector, EndpointOptions
from frontend.tasks.heard import NOTHING, Heard
from frontend.tasks.listening import Listening, StreamListener

_WATCHED = EndpointWatched(False), EndpointWatched(True)


@dataclass(frozen=True)
class DetectEndpoint(Task):
    listening: Listening
    options: EndpointOptions

    def begin(self, stream: Stream) -> None:
        detector = EndpointDetector(self.options)

        def heard(heard: Heard) -> None:
            if heard.activity is not NOTHING:
                detector.feed(heard.activity.decisions, heard.activity.probabilities)
            stream.tell(Failed(heard.error) if heard.error else _WATCHED[detector.ended])

        StreamListener(self.listening, stream, heard).begin()
