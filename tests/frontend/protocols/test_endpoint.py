"""How the end of an utterance is told."""

from frontend.dialogue.commands import Reply
from frontend.dialogue.events import EndpointWatched
from frontend.protocols.endpoint import SpeechEndpoint
from tests.frontend.conversations import context


def test_an_answer_is_true_or_false_as_json_has_it() -> None:
    conversation = SpeechEndpoint(context())
    assert list(conversation.send(EndpointWatched(ended=False))) == [Reply("false")]
    assert list(conversation.send(EndpointWatched(ended=True))) == [Reply("true")]
