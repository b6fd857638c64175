"""What the client sends and shows of a transcription, against a scripted server."""

import io
import wave
from pathlib import Path

import numpy as np

from tests.frontend.client.scripted import SOUND, Talk, run, server


async def test_transcribe_sends_a_description_and_a_wav(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        described = {"type": "transcribe", "task": "translate", "machine_id": "unknown", "postprocess": False}
        assert await talk.hear() == described | {"language": "bg", "api_key": "k"}
        with wave.open(io.BytesIO(await talk.hear())) as file:
            assert (file.getframerate(), file.getnchannels()) == (16000, 1)
            assert np.array_equal(np.frombuffer(file.readframes(99999), np.int16), SOUND)
        await talk.say({"text": "Hello", "segments": [], "postprocessed_text": "Hello.", "postprocess_error": None})

    async with server(script, "/ws/transcribe") as port:
        options = ("--language", "bg", "--task", "translate", "--key", "k", "--no-postprocess")
        ran = await run("transcribe", recording, "--port", port, *options)
    assert (ran.status, ran.output) == (0, "Hello.\n")


async def test_a_refused_transcription_is_told(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        await talk.hear()
        await talk.hear()
        await talk.say({"error": "unauthorized"})

    async with server(script, "/ws/transcribe") as port:
        ran = await run("transcribe", recording, "--port", port)
    assert ran.status == 1
    assert ran.errors.endswith("\ntranscribe: unauthorized\n")
