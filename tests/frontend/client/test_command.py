"""The command line: what is wrong is said before anything is sent, with the status that scripts read."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from aiohttp import web

from frontend.client.command import parse
from tests.frontend.client.scripted import Talk, run, server, started
from tests.sounds import tone, wav

EXPORT_ID = "0123456789abcdef0123456789abcdef"
SOUND = tone(440, 0.4, 16000)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the following arguments are required: PROTOCOL"),
        (["dictate"], "invalid choice"),
        (["transcribe"], "the following arguments are required: FILE"),
        (["transcribe", "a.wav", "--sample"], "--sample is instead of FILE"),
        (["transcribe", "a.wav", "b.wav"], "several recordings need --srt-dir"),
        (["transcribe", "a.wav", "b.wav", "--srt", "a.srt"], "several recordings need --srt-dir"),
        (["transcribe", "a.wav", "b.wav", "--sample", "--srt-dir", "out"], "--sample is instead of FILE"),
        (["transcribe", "a.wav", "--srt-dir", "out", "--vtt", "a.vtt"], "goes with none of"),
        (["transcribe", "a.wav", "--srt-dir", "out", "--json"], "goes with none of"),
        (["transcribe", "--srt-dir", "out"], "the following arguments are required: FILE"),
        (["transcribe", "a.wav", "--force"], "--force is for folders"),
        (["whisper"], "the microphone needs --stream"),
        (["whisper", "a.wav", "--stream", "--srt", "a.srt"], "leave --stream out"),
        (["verify", "a.wav"], "verify needs either --enrol FILE or --template FILE"),
        (["live", "a.wav", "--port", "70000"], "--port must be between"),
        (["live", "a.wav", "--host", ""], "--host must be a name or an address alone"),
        (["live", "a.wav", "--host", "http://speech"], "--host must be a name or an address alone"),
        (["live", "a.wav", "--host", "127.0.0.1:8394"], "--host must be a name or an address alone"),
        (["language", "a.wav", "--task", "translate"], "unrecognized arguments"),
        (["whisper", "a.wav", "--fast"], "--fast is for --stream"),
        (["endpoint", "a.wav", "--minimum-ms", "-1"], "must be at least 0"),
        (["endpoint", "a.wav", "--silence-ms", "-500"], "must be at least 0"),
        (["endpoint", "a.wav", "--silence-ms", "0.5"], "invalid int value"),
        (["verify", "a.wav", "--template", "t", "--averaging", "nan"], "--averaging must be at least 0.5 seconds"),
        (["verify", "a.wav", "--template", "t", "--averaging", "inf"], "--averaging must be at least 0.5 seconds"),
        (["verify", "a.wav", "--template", "t", "--averaging", "0.4"], "--averaging must be at least 0.5 seconds"),
        (["verify", "a.wav", "--template", "t", "--window", "nan"], "--window must be between 0.5 and"),
        (["verify", "a.wav", "--template", "t", "--window", "0.1"], "--window must be between 0.5 and"),
        (["verify", "a.wav", "--template", "t", "--window", "6"], "and --averaging, 5 seconds"),
        (["verify", "a.wav", "--template", "t", "--save-template", "u"], "nothing to keep"),
        (["live", "a.wav", "--language", "english"], "--language must be a code like en, not 'english'"),
        (["live", "a.wav", "--language", ""], "--language must be a code like en"),
        (["whisper", "a.wav", "--language", "auto"], "--language must be a code like en, not 'auto'"),
        (["transcribe", "a.wav", "--language", "e"], "--language must be a code like en or auto"),
        (["live", "a.wav", "--transcript-format", "doc"], "invalid choice"),
        (["live", "a.wav", "--key", ""], "--key must be one line"),
        (["live", "a.wav", "--key", "two\nlines"], "--key must be one line"),
    ],
)
def test_a_wrong_command_is_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parse(arguments)
    assert raised.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("protocol", "language"),
    [("live", "de"), ("whisper", "haw"), ("transcribe", "auto"), ("transcribe", "BG"), ("live", "zh-Hant")],
)
def test_a_language_that_a_server_may_know_is_left_to_it(protocol: str, language: str) -> None:
    assert parse([protocol, "a.wav", "--language", language]).language == language


@pytest.mark.parametrize(
    ("protocol", "port"),
    [("language", 8000), ("transcribe", 8765), ("whisper", 8000), ("live", 8394), ("endpoint", 8080)],
)
def test_each_protocol_has_its_usual_port(protocol: str, port: int) -> None:
    command = parse([protocol, "a.wav", "--tls"])
    assert command.url("ws", "/x") == f"wss://127.0.0.1:{port}/x"
    assert parse([protocol, "a.wav", "--host", "::1"]).url("http", "/") == f"http://[::1]:{port}/"


async def test_input_that_cannot_be_used_is_status_2(tmp_path: Path) -> None:
    garbage, short = tmp_path / "garbage.mp3", tmp_path / "short.wav"
    garbage.write_bytes(b"no audio at all")
    short.write_bytes(wav(SOUND))
    for arguments, words in [
        (["live", tmp_path / "none.wav"], "no such file"),
        (["live", tmp_path], "not a file"),
        (["live", garbage], "does not decode as audio"),
        (["transcribe", garbage], "does not decode as audio"),
        (["language", short], "too short"),
        (["live", short, "--srt", tmp_path / "none" / "a.srt"], f"there is no folder {tmp_path / 'none'}"),
        (["live", short, "--srt", tmp_path], "it is a folder"),
        (["verify", short, "--template", garbage.with_name("none")], "cannot read the template"),
    ]:
        ran = await run(*arguments)
        assert (ran.status, ran.errors.count("\n")) == (2, 1), ran.errors
        assert words in ran.errors


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, ": give a key that it knows with --key"),
        (426, ": perhaps it speaks TLS, which --tls is for"),
        (502, ""),
        (503, ": it is full, or its models do not answer: try again later"),
    ],
)
async def test_a_server_that_refuses_is_no_missing_server(tmp_path: Path, status: int, why: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(SOUND))

    async def script(_talk: Talk) -> None:
        pass

    async with server(script, pages={"/": web.Response(status=status)}) as port:
        ran = await run("live", path, "--port", port)
    assert ran.status == 1
    assert ran.errors == f"live: ws://127.0.0.1:{port}/ refused the connection with status {status}{why}\n"


async def test_ctrl_c_ends_a_stream_politely(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(wav(tone(440, 60, 16000)))
    begun = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.hear()
        await talk.hear()
        begun.set()
        _audio, end = await talk.hear_audio_until_text()
        assert end == {"eof": 1}
        await talk.say({"result": [{"conf": 1.0, "start": 0.0, "end": 0.1, "word": "Oh"}], "text": " Oh"})
        await talk.say(EXPORT_ID)

    async with server(script) as port:
        process = await started(["live", path, "--port", port])
        await begun.wait()
        process.send_signal(signal.SIGINT)
        output, errors = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, output, errors) == (0, b"Oh\n", f"export {EXPORT_ID}\n".encode())


async def test_a_second_ctrl_c_does_not_wait_for_the_server(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(wav(tone(440, 60, 16000)))
    begun, ended = asyncio.Event(), asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.hear()
        await talk.hear()
        begun.set()
        await talk.hear_audio_until_text()
        ended.set()
        await talk.socket.receive()

    async with server(script) as port:
        process = await started(["live", path, "--port", port])
        for moment in (begun, ended):
            await moment.wait()
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 130


def program(folder: Path, name: str, text: str) -> dict[str, str]:
    """A PATH with this program and without any other microphone."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


async def test_without_a_file_the_microphone_is_heard(tmp_path: Path) -> None:
    (tmp_path / "sound").write_bytes(SOUND.tobytes())
    environment = program(
        tmp_path, "arecord", f'[ "$*" = "-q -t raw -f S16_LE -r 16000 -c 1" ] && cat {tmp_path}/sound'
    )

    async def script(talk: Talk) -> None:
        await talk.hear()
        audio, end = await talk.hear_audio_until_text()
        assert (audio, end) == (SOUND.tobytes(), {"eof": 1})
        await talk.say(EXPORT_ID)

    async with server(script) as port:
        ran = await run("live", "--port", port, environment=environment)
    assert (ran.status, ran.errors) == (0, f"export {EXPORT_ID}\n")


async def test_a_microphone_that_does_not_open_says_why(tmp_path: Path) -> None:
    environment = program(tmp_path, "arecord", "echo ALSA: lots >&2; echo 'audio open error: Busy' >&2; exit 1")

    async def script(talk: Talk) -> None:
        await talk.hear()
        await talk.socket.receive()

    async with server(script) as port:
        ran = await run("live", "--port", port, environment=environment)
    assert (ran.status, ran.errors) == (2, "live: the microphone cannot be opened: audio open error: Busy\n")
    ran = await run("live", "--port", port, environment={"PATH": str(tmp_path / "empty")})
    assert ran.status == 2
    assert "no microphone: install" in ran.errors
