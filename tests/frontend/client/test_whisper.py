"""What the client sends and shows of the whisper protocol, against a scripted server."""

import base64
from pathlib import Path

from tests.frontend.client.scripted import FLAC, SOUND, Talk, run, server


async def test_whisper_sends_the_files_own_bytes(recording: Path, tmp_path: Path) -> None:
    async def script(talk: Talk) -> None:
        message = await talk.hear()
        assert base64.b64decode(message.pop("audio")) == FLAC
        assert message == {"type": "file", "format": "flac", "language": None}
        segments = [{"start": 0.0, "end": 1.25, "text": "A <b>"}]
        await talk.say({"type": "file_transcript", "text": "A <b>", "segments": segments})

    vtt = tmp_path / "a.vtt"
    async with server(script) as port:
        ran = await run("whisper", recording, "--port", port, "--vtt", vtt)
    assert (ran.status, ran.output) == (0, "A <b>\n")
    assert vtt.read_text() == "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nA &lt;b&gt;\n\n"


async def test_whisper_streams_samples_and_stops(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        audio = b""
        while (message := await talk.hear())["type"] == "stream":
            assert message["language"] == "de"
            audio += base64.b64decode(message["audio"])
        assert message == {"type": "stop"}
        assert audio == SOUND.tobytes()
        await talk.say({"type": "transcript", "text": "one", "is_final": False, "language": "de", "duration": 3.0})
        await talk.say({"type": "transcript", "text": "two", "is_final": True, "language": "de"})

    async with server(script) as port:
        ran = await run("whisper", recording, "--stream", "--fast", "--language", "de", "--port", port)
    assert (ran.status, ran.output) == (0, "one\ntwo\n")
