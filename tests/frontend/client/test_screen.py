"""What the user sees, whatever the locale, the disk and the terminal are like."""

import asyncio
import json
import os
import pty
import re
import termios
from pathlib import Path

import pytest

from frontend.client import screen
from frontend.client.screen import Screen, harmless
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
    await talk.hear()  # what it says of its audio
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


def test_the_last_line_of_progress_says_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screen, "NOTE_SECONDS", 0.0)
    progress = Screen(as_json=False).progress(66.2)
    for _ in range(3):
        progress.advance(21.5)
    progress.close(64.5)  # the container only knew about
    lines = capsys.readouterr().err.splitlines()
    assert (lines[0], lines[-1]) == ("sent 22 of 66 s", "sent 64 of 64 s")


def test_what_is_soon_sent_needs_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Screen(as_json=False).progress(1.0)
    progress.advance(1.0)
    progress.close(1.0)
    assert capsys.readouterr().err == ""


async def shown_on_a_terminal(arguments: list[object], environment: dict[str, str] | None = None) -> str:
    """What the client writes to a terminal beside its results."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (25, 80))
    process = await started(arguments, environment, errors=its)
    os.close(its)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert process.returncode == 0, (output, shown)
    return shown


async def test_the_bar_on_a_terminal_ends_full(recording: Path) -> None:
    async with server(speak) as port:
        shown = await shown_on_a_terminal(["live", recording, "--fast", "--port", port])
    assert re.findall(r"\d+%", shown)[-1] == "100%"


async def test_a_microphone_has_a_bar_without_an_end(tmp_path: Path) -> None:
    (tmp_path / "arecord").write_text("#!/bin/sh\nhead -c 32000 /dev/zero\n")
    (tmp_path / "arecord").chmod(0o755)
    async with server(speak) as port:
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        assert "1 s" in await shown_on_a_terminal(["live", "--port", port], environment)


def test_what_a_server_says_cannot_steer_the_terminal() -> None:
    assert harmless("a\x1b[2Jb\nc\u202ed é") == "a [2Jb c d é"
