"""The README's first steps and examples do what they say."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from frontend.config.settings import Settings
from tests import foreign
from tests.gateway import rest
from tests.gateway_server import GatewayAddress
from tests.sounds import wav
from tests.triton_server import ROOT
from tests.voices import ANOTHER, OTHER_TEXT, TEXT, say, silence

README = ROOT / "README.md"
SENTENCES = "The hotel is forty kilometers away. I have to change my password on Saturday."


def example(language: str, words: str, gateway: GatewayAddress) -> str:
    """The README's block of this language that holds these words, with this gateway's ports."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if words in block]
    names = {str(port): name for name, port in Settings().port_numbers.items()}
    return re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda found: str(gateway.ports[names[found[0]]]), str(block))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "me.wav").write_bytes(wav(np.concatenate([silence(0.5), say(TEXT), silence(0.5)])))
    (folder / "someone.wav").write_bytes(wav(say(TEXT, ANOTHER)))
    spoken = np.concatenate([silence(0.5), say(SENTENCES), silence(0.5)])
    (folder / "recording.wav").write_bytes(wav(spoken))
    foreign.encode(folder / "recording.m4a", spoken)
    return folder


# What the JavaScript examples say that their page has.
GIVEN = """
const wav = require("fs").readFileSync("recording.wav");
const file = new Blob([require("fs").readFileSync("recording.m4a")]);
const pcm = new Uint8Array(wav.subarray(44));
const chunks = [];
for (let start = 0; start < pcm.length; start += 3200) chunks.push(pcm.slice(start, start + 3200).buffer);
"""


def test_the_python_example_measures_speech(gateway: GatewayAddress, recordings: Path) -> None:
    seconds = float(foreign.python(example("python", "speech_summary_stream", gateway), recordings))
    assert seconds == pytest.approx(len(say(SENTENCES)) / 16000, rel=0.2)


def test_the_javascript_example_verifies_a_voice(gateway: GatewayAddress, recordings: Path) -> None:
    spoken = np.repeat(say(OTHER_TEXT), 3)[: 48_000 * 5]  # three times the samples: 48 kHz
    (recordings / "spoken.raw").write_bytes(spoken.tobytes())
    given = f"""
    const template = "{rest.template_of(gateway, say(TEXT))}";
    const pcm = new Uint8Array(require("fs").readFileSync("spoken.raw")), chunks = [];
    for (let start = 0; start < pcm.length; start += 9600) chunks.push(pcm.slice(start, start + 9600));
    """
    program = given + example("javascript", "voice_verify_stream", gateway)
    lines = foreign.javascript(program, recordings, messages=3 + len(spoken) * 2 // 9600).splitlines()
    assert [line.split()[0] for line in lines] == ["3000", "4000", "5000"]
    assert all(float(line.split()[2]) > 0.5 for line in lines)


def test_the_first_results_are_there_within_seconds(gateway: GatewayAddress) -> None:
    commands = example("sh", "get_speech_summary", gateway).replace(".venv/bin/python", sys.executable)
    for protocol in ("transcribe", "live"):
        commands = commands.replace(f"client {protocol} ", f"client {protocol} --port {gateway.ports[protocol]} ")
    said = foreign.shell(f"exec 2>/dev/null\n{commands}", ROOT)  # where the client notes how it goes
    text, live_text, summaries = said.split("\n", 2)
    assert text == live_text == "hello the meeting is on the tenth of may"
    silent, spoken = summaries.split("]}}")[:2]
    assert '"speech_signal_length": 0.0' in silent
    assert '"speech_signal_length": 0.0' not in spoken


def test_the_templates_of_two_people_do_not_match(gateway: GatewayAddress, recordings: Path) -> None:
    answer = foreign.shell(example("sh", "match_voice_templates", gateway), recordings)
    probability = re.search(r'"probability": ([0-9.e-]+)', answer)
    assert probability
    assert float(probability[1]) < 0.5


@pytest.mark.parametrize(
    ("language", "words", "printed"),
    [
        ("python", '/ws")', r"en\n"),
        ("javascript", '/ws")', r"en\n"),
        ("python", "/ws/transcribe", r"([\d.]+ [\d.]+ \w.+\n)+"),
        ("javascript", "/ws/transcribe", r"\w.+\n"),
        ("python", "base64", r"\w.+\n"),
        ("javascript", "base64", r"(partial: .*\n)+final: .*\n"),
        ("python", "/export/transcript/", r"( \w.+\n)+1\n00:00:0[\d,]+ --> 00:00:[\d,]+\n(.*\n)+"),
        ("javascript", '"eof"', r"(partial: .*\n|final:  \w.*\n)*final:  \w.*\nexport: [0-9a-f]{32}\n"),
    ],
)
def test_an_example_prints_what_was_said(
    language: str, words: str, printed: str, gateway: GatewayAddress, recordings: Path
) -> None:
    program = example(language, words, gateway)
    if language == "python":
        said = foreign.python(program, recordings)
    else:
        said = foreign.javascript(GIVEN + program, recordings, messages=9999)
    assert re.fullmatch(printed, said), said
