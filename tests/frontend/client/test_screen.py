"""What the user sees, whatever the locale, the disk and the terminal are like."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.frontend.client.scripted import Talk, run, server, started
from tests.sounds import tone, wav

EXPORT_ID = "0123456789abcdef0123456789abcdef"
SAID = {"result": [{"conf": 0.9, "start": 0.1, "end": 0.5, "word": "Grüß"}], "text": " Grüß 🐧"}
# Locales and Pythons that know no letters beyond ASCII, whatever that is called.
ASCII = ({"LC_ALL": "POSIX"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"})


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "tön.wav"
    path.write_bytes(wav(tone(440, 0.4, 16000)))
    return path


async def speak(talk: Talk) -> None:
    await talk.hear_audio_until_text()
    await talk.say(SAID)
    await talk.say(EXPORT_ID)


@pytest.mark.parametrize("environment", ASCII, ids=str)
async def test_a_locale_without_the_letters_loses_none(recording: Path, environment: dict[str, str]) -> None:
    async with server(speak) as port:
        plain = await run("live", recording, "--fast", "--port", port, environment=environment)
        as_json = await run("live", recording, "--fast", "--port", port, "--json", environment=environment)
    assert (plain.status, as_json.status) == (0, 0), plain.errors + as_json.errors
    assert plain.output in ("Grüß 🐧\n", "Gr\\u00fc\\u00df \\ud83d\\udc27\n")
    assert json.loads(as_json.output.splitlines()[0]) == SAID


async def test_an_error_in_such_a_locale_is_one_line(recording: Path) -> None:
    missing = recording.with_name("Übel.wav")
    for environment in ASCII:
        ran = await run("live", missing, environment=environment)
        assert (ran.status, ran.errors.count("\n")) == (2, 1)
        assert "no such file" in ran.errors


async def test_a_full_disk_is_one_line_and_status_2(recording: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    async with server(speak) as port:
        process = await started(["live", recording, "--fast", "--port", port], output=full)
        os.close(full)
        _, errors = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 2
        assert errors == f"live: cannot write the results: {os.strerror(28)}\n".encode()
        ran = await run("live", recording, "--fast", "--port", port, "--srt", "/dev/full")
    assert (ran.status, ran.output) == (2, "Grüß 🐧\n")
    assert ran.errors == "live: cannot write /dev/full: No space left on device\n"
