"""The first steps and the examples of all pages do what they say."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from export.evaluation.truth import normalised
from frontend.config.settings import Settings
from frontend.speech import RATE
from tests import foreign, pages
from tests.gateway_server import GatewayAddress
from tests.readings import parts
from tests.sounds import wav
from tests.triton_server import ROOT
from tests.voices import ANOTHER, BECKETT, OTHER_TEXT, TEXT, say, silence

HELLO = "Good morning, my name is Marco, and the parcel arrives at nine."
LANGUAGE, TRANSCRIBE = "docs/protocols/language-detection.md", "docs/protocols/transcribe.md"
WHISPER, LIVE = "docs/protocols/whisper-streaming.md", "docs/protocols/live.md"
VOICE, REST = "docs/protocols/voice.md", "docs/protocols/rest.md"
VOSK, WYOMING = "docs/protocols/vosk.md", "docs/protocols/wyoming.md"
OPENAI, REALTIME = "docs/protocols/openai.md", "docs/protocols/openai-realtime.md"
DEEPGRAM = "docs/protocols/deepgram.md"
CLIENT, OPERATIONS, LIMITS = "docs/client.md", "docs/operations.md", "docs/limits.md"

# What they print.
PRINTED = {
    ("README.md", "python"): rf"{re.escape(HELLO)}\n",
    (LANGUAGE, "python"): r"en\n",
    (LANGUAGE, "javascript"): r"en\n",
    (TRANSCRIBE, "python"): r"([\d.]+ [\d.]+ \w.+\n)+",
    (TRANSCRIBE, "javascript"): r"\w.+\n",
    (WHISPER, "python"): r"\w.+\n",
    (WHISPER, "javascript"): r"(partial: .*\n)+final: \w.*\n",
    (LIVE, "python"): r"( \w.+\n)+1\n00:00:0[\d,]+ --> 00:00:[\d,]+\n(.*\n)+",
    (REALTIME, "python"): r"\w.+\n",
    (OPENAI, "python"): r"([\d.]+ [\d.]+ \w.*\n)+\w.+\n",
    (OPENAI, "javascript"): r"\w.+\n",
    (LIVE, "javascript"): r"(partial: .*\n|final:  \w.*\n)*final:  \w.*\nexport: [0-9a-f]{32}\n",
    (WYOMING, "python"): r"\w.*\n",
    (WYOMING, "javascript"): r"\w.*\n",
    (VOSK, "python"): r"({'(partial|text)': '.*'}\n)+\w.*\n",
    (VOSK, "javascript"): r"(\w.*\n)+",
    (DEEPGRAM, "python"): r"(partial: .*\n|final: .*\n)*final: \w.*\n\w.+\n",
    (DEEPGRAM, "javascript"): r"(\w.*\n)+",
    # Of two people.
    (REST, "python"): r"0\.[0-4]\d*\n",
    (REST, "javascript"): r"0\.[0-4]\d*\n",
}
# All but these print the reading, however they write it down.
OF_OTHERS = ("README.md", LANGUAGE, REST)
READ = ("the best of times", "the worst of times", "the age of wisdom", "the age of foolishness")
# Those that have tests of their own: keys in test_door.py, tokens in test_tokens.py, OpenAI's library behind TLS in
# test_openai_realtime_node.py, the last three in test_added_protocol.py and test_added_model.py.
OTHERS = (
    ("README.md", "sh"),
    (CLIENT, "sh"),
    (OPERATIONS, "sh"),
    (OPERATIONS, "python"),
    (OPERATIONS, "javascript"),
    (LIMITS, "sh"),
    (REST, "sh"),
    (DEEPGRAM, "sh"),
    (OPENAI, "sh"),
    (REALTIME, "sh"),
    (REALTIME, "javascript"),
    (REALTIME, "javascript"),
    (VOICE, "python"),
    (VOICE, "javascript"),
    ("docs/adding-a-protocol.md", "python"),
    ("docs/adding-a-protocol.md", "python"),
    ("docs/adding-a-model.md", "python"),
)
# The ports that the command-line client takes by itself.
PORTS = {"language": "whisper", "transcribe": "transcribe", "live": "live", "summary": "voice"}


def test_every_example_is_run() -> None:
    there = [
        (pages.name_of(page), kind) for page in pages.pages() for kind, _ in pages.blocks(page) if kind in pages.RUN
    ]
    assert sorted(there) == sorted([*PRINTED, *OTHERS]), "each block of a page has its line in PRINTED or in OTHERS"


def example(page: str, language: str, gateway: GatewayAddress, place: int = 0) -> str:
    """The page's block in this language, with this gateway's ports."""
    names = {str(port): name for name, port in Settings().port_numbers.items()}
    block = pages.block(page, language, place)
    return re.sub(r"(?<=127\.0\.0\.1:|localhost:)\d+", lambda found: str(gateway.ports[names[found[0]]]), block)


def commands(page: str, gateway: GatewayAddress) -> str:
    """The page's block of commands, for this gateway and this Python; what the client notes on the way is left out."""
    with_ports = re.sub(
        r"(?<=frontend\.client )\w+",
        lambda found: f"{found[0]} --port {gateway.ports[PORTS[found[0]]]}",
        example(page, "sh", gateway),
    )
    return f"exec 2>/dev/null\n{with_ports.replace('.venv/bin/python', sys.executable)}"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "me.wav").write_bytes(wav(np.concatenate([silence(0.5), say(TEXT), silence(0.5)])))
    (folder / "someone.wav").write_bytes(wav(say(TEXT, ANOTHER)))
    spoken = np.concatenate([silence(0.5), *parts(), silence(0.5)])
    (folder / "recording.wav").write_bytes(wav(spoken))
    foreign.encode(folder / "recording.m4a", spoken)
    (folder / "recording.pcm").write_bytes(np.concatenate(parts(24_000)).tobytes())
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "hello.wav", folder / "tests")
    return folder


@pytest.mark.parametrize(("page", "language"), PRINTED)
def test_an_example_prints_what_was_said(page: str, language: str, gateway: GatewayAddress, recordings: Path) -> None:
    run = foreign.python if language == "python" else foreign.module
    said = run(example(page, language, gateway), recordings)
    assert re.fullmatch(PRINTED[page, language], said), said
    words = re.sub(r"[^a-z]+", " ", said.lower())
    assert page in OF_OTHERS or all(phrase in words for phrase in READ), said


def test_the_python_example_measures_speech(gateway: GatewayAddress, recordings: Path) -> None:
    seconds = float(foreign.python(example(VOICE, "python", gateway), recordings))
    assert 0.5 < seconds * 16_000 / len(np.concatenate(parts())) < 1.0  # she pauses


def test_the_javascript_example_knows_a_voice_again(gateway: GatewayAddress, recordings: Path, tmp_path: Path) -> None:
    shutil.copy(recordings / "me.wav", tmp_path)
    (tmp_path / "recording.wav").write_bytes(wav(say(OTHER_TEXT)[: 5 * RATE]))
    lines = foreign.module(example(VOICE, "javascript", gateway), tmp_path).splitlines()
    assert [line.split()[0] for line in lines] == ["3000", "4000", "5000"]
    assert all(float(line.split()[2]) > 0.5 for line in lines)


def test_the_first_results_are_there_within_seconds(gateway: GatewayAddress) -> None:
    read, _brace, summaries = foreign.shell(commands("README.md", gateway), ROOT).partition("{")
    text, *live_text = read.splitlines()
    assert normalised(text) == normalised(" ".join(live_text)) == BECKETT
    silent, spoken = summaries.split("]}}")[:2]
    assert '"speech_signal_length": 0.0' in silent
    assert '"speech_signal_length": 0.0' not in spoken


def test_the_clients_page_shows_what_it_prints(gateway: GatewayAddress) -> None:
    language, answer, *subtitles, summary = foreign.shell(commands(CLIENT, gateway), ROOT).splitlines()
    assert re.fullmatch(r"en [01]\.\d+", language)
    assert f'"text": "{HELLO}"' in answer
    assert subtitles[0] == "1"
    assert subtitles[2].startswith("Good")
    assert "speech" in summary


def test_the_templates_of_two_people_do_not_match(gateway: GatewayAddress, recordings: Path) -> None:
    answer = foreign.shell(example(REST, "sh", gateway), recordings)
    probability = re.search(r'"probability": ([0-9.e-]+)', answer)
    assert probability
    assert float(probability[1]) < 0.5


def test_curl_transcribes_a_recording(gateway: GatewayAddress, recordings: Path) -> None:
    subtitles = foreign.shell(example(OPENAI, "sh", gateway), recordings)
    assert re.fullmatch(r"1\n00:00:0[\d,]+ --> 00:00:[\d,]+\n\w(.*\n)+", subtitles)
    assert '"punctuated_word"' in foreign.shell(example(DEEPGRAM, "sh", gateway), recordings)


def test_a_page_with_a_key_of_its_own_hears_what_is_spoken(gateway: GatewayAddress, recordings: Path) -> None:
    assert re.fullmatch(r"\w.+\n", foreign.module(example(REALTIME, "javascript", gateway, 1), recordings))
    assert json.loads(foreign.shell(example(REALTIME, "sh", gateway), recordings))["value"].startswith("ek_")


def test_an_export_is_listed_and_fetched(gateway: GatewayAddress, recordings: Path) -> None:
    said = foreign.module(example(LIVE, "javascript", gateway), recordings)
    export_id = said.split()[-1]
    listed = foreign.shell(f"id={export_id}\n{example(OPERATIONS, 'sh', gateway)}", recordings)
    assert f'"id": "{export_id}"' in listed
    assert (recordings / "subtitles.srt").read_text().startswith("1\n00:00:0")
    assert (recordings / f"{export_id}.wav").read_bytes()[:4] == b"RIFF"
