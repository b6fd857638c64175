"""A folder of recordings becomes a folder of subtitles, against a scripted server."""

import io
import json
import wave
from pathlib import Path

import pytest

from tests.frontend.client.scripted import SOUND, Talk, run, server
from tests.sounds import wav
from tests.triton_server import free_ports

LENGTHS = {"a": 0.4, "b": 0.5, "c": 0.6}


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.wav" for name in LENGTHS]
    for path, seconds in zip(paths, LENGTHS.values(), strict=True):
        path.write_bytes(wav(SOUND[: round(16_000 * seconds)]))
    return paths


async def transcribe(talk: Talk) -> None:
    """The text is how long the recording is; one of half a second is refused."""
    assert (await talk.hear())["api_key"] == "k"
    with wave.open(io.BytesIO(await talk.hear())) as file:
        seconds = file.getnframes() / 16_000
    said = {"text": f"{seconds}", "segments": [{"start": 0.1, "end": seconds, "text": f"{seconds}"}]}
    await talk.say({"error": "not this one"} if seconds == 0.5 else said)


async def test_each_recording_has_its_files_and_a_bad_one_holds_up_none(recordings: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    garbage = tmp_path / "garbage.mp3"
    garbage.write_bytes(b"no audio at all")
    folders = [part for form in ("srt", "vtt", "txt", "json") for part in (f"--{form}-dir", out / form)]
    async with server(transcribe, "/ws/transcribe") as port:
        ran = await run("transcribe", garbage, *recordings, *folders, "--port", port, "--key", "k")
    assert (ran.status, ran.output) == (2, "")
    assert ran.errors.splitlines() == [
        f"{garbage}: {garbage} does not decode as audio",
        f"{recordings[1]}: not this one",
        "2 transcribed, 0 were there already, 2 failed",
        "transcribe: 2 of 4 recordings failed",
    ]
    assert (out / "srt" / "a.srt").read_text() == "1\n00:00:00,100 --> 00:00:00,400\n0.4\n\n"
    assert (out / "vtt" / "c.vtt").read_text() == "WEBVTT\n\n00:00:00.100 --> 00:00:00.600\n0.6\n\n"
    assert (out / "txt" / "a.txt").read_text() == "0.4\n"
    assert json.loads((out / "json" / "c.json").read_text())["text"] == "0.6"
    names = {path.name for path in out.rglob("*") if path.is_file()}
    assert names == {f"{name}.{form}" for name in "ac" for form in ("srt", "vtt", "txt", "json")}


async def test_what_is_done_is_not_done_again_unless_that_is_asked_for(recordings: list[Path], tmp_path: Path) -> None:
    done = tmp_path / "a.srt"
    done.write_text("by hand")
    command = ("transcribe", recordings[0], recordings[2], "--srt-dir", tmp_path, "--key", "k")
    async with server(transcribe, "/ws/transcribe") as port:
        ran = await run(*command, "--port", port)
        assert (ran.status, ran.errors) == (0, "1 transcribed, 1 were there already, 0 failed\n")
        assert done.read_text() == "by hand"
        ran = await run(*command, "--port", port, "--force")
    assert (ran.status, ran.errors) == (0, "2 transcribed, 0 were there already, 0 failed\n")
    assert "0.4" in done.read_text()


async def test_two_recordings_of_one_name_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    first, second = tmp_path / "a.wav", tmp_path / "a.mp3"
    ran = await run("transcribe", first, second, "--srt-dir", tmp_path)
    assert ran.status == 2
    assert ran.errors == f"transcribe: {first} and {second} would both become {tmp_path / 'a.srt'}\n"


async def test_where_no_server_is_the_first_recording_says_so_for_all(recordings: list[Path], tmp_path: Path) -> None:
    ran = await run("transcribe", *recordings, "--txt-dir", tmp_path, "--port", free_ports(1)[0])
    assert ran.status == 3
    assert ran.errors.count("cannot connect") == 1


async def test_a_folder_that_cannot_be_made_is_said_before_anything_is_sent(recordings: list[Path]) -> None:
    ran = await run("transcribe", *recordings, "--srt-dir", recordings[0] / "out")
    assert ran.status == 2
    assert ran.errors.startswith(f"transcribe: cannot write into {recordings[0] / 'out'}: ")
