"""The command-line client against the real gateway, as a user starts it."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests import foreign
from tests.gateway.test_openai import WORDS, plain
from tests.gateway_server import GatewayAddress
from tests.readings import PARTS, parts
from tests.sounds import wav
from tests.triton_server import ROOT, free_ports
from tests.voices import ANOTHER, OTHER_TEXT, TEXT, say, silence

PORTS = {"language": "whisper", "transcribe": "transcribe", "whisper": "whisper", "live": "live"}


def line(gateway: GatewayAddress, protocol: str, arguments: Sequence[object]) -> list[str]:
    port = gateway.ports[PORTS.get(protocol, "voice")]
    return [sys.executable, "-m", "frontend.client", protocol, "--port", str(port), *map(str, arguments)]


def client(gateway: GatewayAddress, protocol: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = line(gateway, protocol, arguments)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    speech = np.concatenate([silence(0.5), say(TEXT), silence(1.0)])
    (folder / "me.wav").write_bytes(wav(speech))
    (folder / "me.flac").write_bytes(wav(np.stack([speech, speech], axis=1), container="FLAC"))
    (folder / "reading.flac").write_bytes(wav(np.concatenate(parts()), container="FLAC"))
    (folder / "again.wav").write_bytes(wav(say(OTHER_TEXT)))
    (folder / "other.wav").write_bytes(wav(say(OTHER_TEXT, ANOTHER)))
    (folder / "short.wav").write_bytes(wav(say(TEXT)[:80_000]))
    return folder


def test_a_summary_of_any_file_says_how_much_speech_there_is(gateway: GatewayAddress, recordings: Path) -> None:
    for name in ("me.wav", "me.flac"):
        said = client(gateway, "summary", recordings / name).stdout
        speech, _background, total = (float(figure) for figure in re.findall(r"[\d.]+(?= s)", said))
        assert total == pytest.approx(len(say(TEXT)) / 16000 + 1.5, abs=0.02)
        assert speech == pytest.approx(len(say(TEXT)) / 16000, rel=0.2)


def test_the_servers_messages_come_one_a_line(gateway: GatewayAddress, recordings: Path) -> None:
    first, *rest = client(gateway, "summary", recordings / "me.wav", "--json").stdout.splitlines()
    assert first == "200"
    assert json.loads(rest[-1])["current_speech_summary"]["total_length"] > 1
    assert len(rest) == 2  # messages of 16 seconds


def test_the_end_of_an_utterance_is_told(gateway: GatewayAddress, recordings: Path) -> None:
    said = client(gateway, "endpoint", recordings / "me.wav", "--silence-ms", 800).stdout
    (seconds,) = re.findall(r"before ([\d.]+) s", said)
    spoken_seconds = len(say(TEXT)) / 16000
    assert 0.5 + spoken_seconds + 0.8 == pytest.approx(float(seconds), abs=0.5)
    assert "no end" in client(gateway, "endpoint", recordings / "short.wav", "--silence-ms", 3000).stdout


def test_a_voice_is_enrolled_and_known_again(gateway: GatewayAddress, recordings: Path, tmp_path: Path) -> None:
    enrolled = ("--enrol", recordings / "me.wav", "--enrol", recordings / "me.flac")
    kept = tmp_path / "me.template"
    mine = client(gateway, "verify", recordings / "again.wav", *enrolled, "--save-template", kept).stdout
    other = client(gateway, "verify", recordings / "other.wav", "--template", kept, "--window", 3).stdout
    mine_last, other_last = (float(re.findall(r"probability ([\d.]+)", said)[-1]) for said in (mine, other))
    assert mine_last > 0.5 > other_last


def test_an_error_of_the_server_is_one_line_and_status_1(
    gateway: GatewayAddress, recordings: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.template"
    damaged.write_text("bm8gdGVtcGxhdGU=")
    command = line(gateway, "verify", [recordings / "me.wav", "--template", damaged])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "verify: the server refused the template; its log says why\n"


def test_where_no_server_is_the_status_is_3(gateway: GatewayAddress, recordings: Path) -> None:
    command = [*line(gateway, "summary", [recordings / "me.wav"]), "--port", str(free_ports(1)[0])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert re.fullmatch(r"summary: cannot connect to ws://\S+: Connection refused\n", done.stderr)


def test_the_language_of_a_file_is_told(gateway: GatewayAddress, recordings: Path) -> None:
    language, confidence = client(gateway, "language", recordings / "reading.flac").stdout.split()
    assert language == "en"
    assert 0 < float(confidence) <= 1


def test_a_recording_becomes_text_and_subtitles(gateway: GatewayAddress, recordings: Path, tmp_path: Path) -> None:
    srt, vtt = tmp_path / "a.srt", tmp_path / "a.vtt"
    text = client(gateway, "transcribe", recordings / "reading.flac", "--srt", srt, "--vtt", vtt).stdout
    assert plain(text) == WORDS
    assert "00:00:" in srt.read_text()
    assert vtt.read_text().startswith("WEBVTT\n\n00:00:")


def test_whisper_takes_a_file_and_a_stream(gateway: GatewayAddress, recordings: Path, tmp_path: Path) -> None:
    srt = tmp_path / "a.srt"
    text = client(gateway, "whisper", recordings / "reading.flac", "--language", "en", "--srt", srt).stdout
    assert plain(text) == WORDS
    assert "00:00:" in srt.read_text()
    messages = client(
        gateway, "whisper", recordings / "reading.flac", "--stream", "--fast", "--json"
    ).stdout.splitlines()
    assert [json.loads(message)["is_final"] for message in messages][-1] is True
    assert len(messages) > 1


def test_a_live_stream_ends_with_its_export(gateway: GatewayAddress, recordings: Path, tmp_path: Path) -> None:
    srt = tmp_path / "a.srt"
    done = client(gateway, "live", recordings / "reading.flac", "--fast", "--srt", srt)
    assert plain(done.stdout) == WORDS
    assert re.search(r"^export [0-9a-f]{32}$", done.stderr, re.MULTILINE)
    assert "00:00:" in srt.read_text()
    exported = client(gateway, "live", recordings / "reading.flac", "--fast", "--transcript-format", "json").stdout
    assert plain(" ".join(each["text"] for each in json.loads(exported))) == WORDS


def test_a_folder_of_recordings_becomes_a_folder_of_subtitles(gateway: GatewayAddress, tmp_path: Path) -> None:
    for name, part in zip(("best.wav", "wisdom.mp3"), parts(), strict=True):
        foreign.encode(tmp_path / name, part) if name.endswith("mp3") else (tmp_path / name).write_bytes(wav(part))
    folders = ("--srt-dir", tmp_path / "srt", "--txt-dir", tmp_path / "txt")
    client(gateway, "transcribe", tmp_path / "best.wav", tmp_path / "wisdom.mp3", *folders, "--language", "en")
    assert [plain((tmp_path / "txt" / f"{name}.txt").read_text()) for name in ("best", "wisdom")] == [*PARTS]
    assert all("00:00:0" in (tmp_path / "srt" / f"{name}.srt").read_text() for name in ("best", "wisdom"))


def test_a_recording_that_is_too_long_for_a_message_is_transcribed(gateway: GatewayAddress, tmp_path: Path) -> None:
    hush = np.zeros(35 * 60 * 16_000, np.int16)
    (tmp_path / "long.flac").write_bytes(wav(np.concatenate([parts()[0], hush, parts()[1]]), container="FLAC"))
    client(gateway, "transcribe", tmp_path / "long.flac", "--srt-dir", tmp_path, "--txt-dir", tmp_path)
    assert plain((tmp_path / "long.txt").read_text()) == WORDS
    assert "\n00:35:0" in (tmp_path / "long.srt").read_text()


def test_ctrl_c_ends_a_live_stream_politely(gateway: GatewayAddress, recordings: Path) -> None:
    command = line(gateway, "live", [recordings / "me.wav", "--json"])
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert "partial" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert re.fullmatch(r"[0-9a-f]{32}", output.splitlines()[-1])
    assert time.monotonic() - began < 20
