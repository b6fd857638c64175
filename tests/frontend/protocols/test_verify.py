"""How the comparison with a voice is told."""

import json

from frontend.dialogue.commands import Reply
from frontend.dialogue.events import Verified, VoiceVerified
from frontend.machines.verification import Interval
from frontend.protocols.verify import VoiceVerifyStream
from tests.frontend.conversations import context


def test_each_window_has_its_interval_in_samples_and_milliseconds() -> None:
    results = Verified(Interval(8000, 32_001, 8000), 0.75, 0.5), Verified(Interval(0, 0, 8000), 0.0, -1.0)
    (reply,) = VoiceVerifyStream(context()).send(VoiceVerified(results))
    assert isinstance(reply, Reply)
    first, second = json.loads(reply.text.encode())
    assert first == {
        "audio_interval": {
            "end_sample": 32_001, "end_time": 4000, "sample_rate": 8000, "start_sample": 8000, "start_time": 1000,
        },
        "verify_result": {"probability": 0.75, "score": 0.5},
    }  # fmt: skip
    assert second["verify_result"] == {"probability": 0.0, "score": -1.0}


def test_a_message_that_completes_no_window_is_answered_with_an_empty_list() -> None:
    assert list(VoiceVerifyStream(context()).send(VoiceVerified(()))) == [Reply("[]")]
