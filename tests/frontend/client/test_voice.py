"""What the client sends to the voice services, against a scripted server."""

import json
from pathlib import Path

from tests.frontend.client.scripted import Talk, run, server


async def test_answers_that_come_late_are_awaited(recording: Path) -> None:
    """All is sent before the first answer comes."""

    async def script(talk: Talk) -> None:
        for _ in range(3):
            await talk.hear()
            await talk.say("200")
        for _ in range(11):
            await talk.hear()
        for number in range(11):
            await talk.say(json.dumps(number >= 6))

    async with server(script, "/speech_endpoint_detector") as port:
        ran = await run("endpoint", recording, "--port", port)
    assert (ran.status, ran.output) == (0, "the utterance ended before 0.7 s\n")
