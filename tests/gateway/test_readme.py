"""The README's first steps and examples do what they say."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.gateway_server import GatewayAddress
from tests.sounds import wav
from tests.triton_server import ROOT
from tests.voices import ANOTHER, TEXT, say, silence


def example(language: str, words: str, gateway: GatewayAddress) -> str:
    """The README's block of this language that holds these words, with this gateway's port."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if words in block]
    return str(block).replace("127.0.0.1:8080", f"127.0.0.1:{gateway.ports['voice']}")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    speech = np.concatenate([silence(0.5), say(TEXT), silence(0.5)])
    for name in ("recording.wav", "recording.m4a", "me.wav"):
        (tmp_path / name).write_bytes(wav(speech))
    (tmp_path / "someone.wav").write_bytes(wav(say(TEXT, ANOTHER)))
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_the_python_example_measures_speech(gateway: GatewayAddress, recordings: Path) -> None:
    seconds = float(run([sys.executable, "-c", example("python", "speech_summary_stream", gateway)], recordings))
    assert seconds == pytest.approx(len(say(TEXT)) / 16000, rel=0.2)


def test_the_first_result_comes_from_two_commands(gateway: GatewayAddress, recordings: Path) -> None:
    silent, spoken = run(["sh", "-ec", example("sh", "get_speech_summary", gateway)], recordings).split("]}}")[:2]
    assert '"speech_signal_length": 0.0' in silent
    assert '"speech_signal_length": 0.0' not in spoken


def test_the_templates_of_two_people_do_not_match(gateway: GatewayAddress, recordings: Path) -> None:
    answer = run(["sh", "-ec", example("sh", "match_voice_templates", gateway)], recordings)
    probability = re.search(r'"probability": ([0-9.e-]+)', answer)
    assert probability
    assert float(probability[1]) < 0.5
