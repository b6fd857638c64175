"""The voice sockets' client: parameters, samples, one answer to each message."""

import json
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "1.1 s of audio are less than a window of 3 s (--window takes less)"),
        (("--averaging", "2"), "1.1 s of audio are less than a window of 2 s"),
        (("--window", "1"), "no window of 1 s held enough speech"),
    ],
)
async def test_a_recording_in_which_nothing_is_compared_is_no_success(
    recording: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    template = tmp_path / "me.template"
    template.write_text("1234")

    async def script(talk: Talk) -> None:
        for answer in ["200"] * (4 if "--window" in options else 3) + ["[]"] * 3:
            await talk.hear()
            await talk.say(answer)

    async with server(script, "/voice_verify_stream") as port:
        ran = await run("verify", recording, "--template", template, "--port", port, *options)
    assert (ran.status, ran.output, ran.errors.count("\n")) == (2, "", 1)
    assert words in ran.errors
