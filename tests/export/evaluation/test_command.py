"""`make evaluate`: what a manifest may hold, what the figures mean, and the command over the real Triton."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.evaluation import figures, people, truth
from export.evaluation.hearing import Heard
from export.evaluation.truth import Truth, normalised
from export.failure import ExportError
from frontend.speech import RATE, Samples, Word
from tests.triton_server import ROOT, TritonAddress, free_ports
from tests.voices import TEXT, say


def written(folder: Path, *lines: Any) -> Path:
    (folder / "a.wav").write_bytes(b"")
    manifest = folder / "manifest.jsonl"
    manifest.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return manifest


def test_a_line_names_a_recording_beside_the_manifest_and_what_is_known_of_it(tmp_path: Path) -> None:
    line = {"audio": "a.wav", "text": "one two", "language": "en", "split": "mine", "words": [["one", 0, 0.5]]}
    first, second = truth.load(written(tmp_path, line, "", {"audio": "a.wav"}))
    assert first == Truth(tmp_path / "a.wav", "mine", "one two", "en", words=(("one", 0.0, 0.5),))
    assert second == Truth(tmp_path / "a.wav", "all")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "manifest.jsonl:2: JSONDecodeError"),
        ("[]", "manifest.jsonl:2: "),
        ({"text": "one"}, "'audio'"),
        ({"audio": "b.wav"}, "no file .*b.wav"),
        ({"audio": "a.wav", "txt": "one"}, "unknown keys .'txt'."),
        ({"audio": "a.wav", "text": 1}, "must be strings"),
        ({"audio": "a.wav", "task": "sing"}, "unknown task 'sing'"),
        ({"audio": "a.wav", "words": [["one", 0]]}, "not enough values"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: Any, told: str) -> None:
    with pytest.raises(ExportError, match=told):
        truth.load(written(tmp_path, {"audio": "a.wav"}, line))


def test_a_manifest_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="names no recording"):
        truth.load(written(tmp_path, ""))
    with pytest.raises(ExportError, match="cannot read the manifest"):
        truth.load(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("  Grüße,  Welt! ", "grüsse welt"),
        ("STRASSE", "strasse"),
        ("It’s 'quoted' – isn't it?", "it's quoted isn't it"),
        ("ﬁne", "fine"),
        ("...", ""),
    ],
)
def test_normalised_texts_have_no_case_and_no_punctuation(text: str, form: str) -> None:
    assert normalised(text) == form


def pair(text: str | None, heard: str | None, **known: Any) -> figures.Pair:
    return Truth(Path("a.wav"), "all", text, "de"), Heard(
        2.0, heard, text_in_detected_language=heard, language="de", **known
    )


def test_errors_are_counted_over_all_words() -> None:
    judged = figures.judge([pair("one two three", "one too three"), pair("four", "four")], normalise=False)
    assert (judged["wer"], judged["exact"], judged["language"], judged["invented"]) == (25.0, 50.0, 100.0, None)


def test_case_and_punctuation_count_unless_they_are_normalised() -> None:
    pairs = [pair("One, two.", "one two")]
    assert figures.judge(pairs, normalise=False)["wer"] == 100
    assert figures.judge(pairs, normalise=True)["wer"] == 0


def test_text_where_nobody_speaks_is_invented_and_no_word_error() -> None:
    judged = figures.judge([pair("", ""), pair("", "so"), pair("one", "one")], normalise=False)
    assert (judged["invented"], judged["silent_clips"], judged["wer"]) == (1, 2, 0.0)


def test_a_text_in_a_language_that_the_recogniser_does_not_write_is_no_error_and_no_wrong_word() -> None:
    judged = figures.judge([pair("раз два", None)], normalise=False)
    assert (judged["wer"], judged["errors"], judged["language"]) == (None, 0, 100.0)


def test_where_only_the_language_is_known_only_the_language_counts() -> None:
    judged = figures.judge([pair(None, None), pair(None, None, language_at_3_seconds="en")], normalise=False)
    assert (judged["wer"], judged["language"]) == (None, 100.0)


def test_words_that_were_heard_right_have_their_times_judged() -> None:
    words = (Word(" One", 0.1, 0.5, 1), Word(" too", 0.6, 0.9, 1), Word(" three.", 1.06, 1.5, 1))
    known = (("one", 0.08, 0.5), ("two", 0.6, 0.9), ("three", 1.0, 1.48))
    said = Truth(Path("a.wav"), "all", "one two three", "en", words=known)
    judged = figures.judge([(said, Heard(2.0, "One too three.", words))], normalise=True)
    assert judged["words_timed"] == 2
    assert (judged["start_milliseconds"], judged["end_milliseconds"]) == (pytest.approx(40), pytest.approx(10))


def test_a_recording_that_could_not_be_heard_is_an_error_and_nothing_else() -> None:
    judged = figures.judge([pair("one", None, error="no audio"), pair("two", "two")], normalise=False)
    assert (judged["errors"], judged["clips"], judged["wer"]) == (1, 2, 0.0)


def save(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def evaluate(*arguments: str, grpc_port: int) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "GATEWAY_TRITON__GRPC_PORT": str(grpc_port)}
    command = [sys.executable, "-m", "export.evaluation", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_the_command_judges_recordings_through_the_running_triton(triton: TritonAddress, tmp_path: Path) -> None:
    reading = people.installed(tmp_path / "noises")[0]
    save(tmp_path / "long.wav", np.tile(np.concatenate([say(TEXT), np.zeros(RATE, np.int16)]), 4))
    save(tmp_path / "quiet.wav", np.zeros(RATE, np.int16))
    (tmp_path / "broken.wav").write_bytes(b"no sound at all")
    lines = [
        {"audio": str(reading.audio), "text": reading.text, "language": "en", "split": "speech"},
        {"audio": "long.wav", "language": "en", "split": "speech"},
        {"audio": "quiet.wav", "text": "", "split": "silence"},
        {"audio": "broken.wav", "text": "one", "split": "silence"},
    ]
    manifest, report = tmp_path / "manifest.jsonl", tmp_path / "made" / "report.json"
    manifest.write_text("\n".join(map(json.dumps, lines)))
    wanted = ["--manifest", str(manifest), "--report", str(report), "--normalise"]
    done = evaluate(*wanted, grpc_port=triton.grpc_port)
    assert done.returncode == 0, done.stderr
    assert f"uses the Triton at 127.0.0.1:{triton.grpc_port}" in done.stdout
    assert "| speech | 2 |" in done.stdout
    told = json.loads(report.read_text())
    speech, silence = (told["splits"][name]["all"] for name in ("speech", "silence"))
    assert speech["wer"] <= 20
    assert speech["language"] == 100
    assert (silence["invented"], silence["errors"]) == (0, 1)
    assert told["recordings"][3]["error"]


def test_people_in_the_installed_wheel_are_judged_without_fetching(triton: TritonAddress, tmp_path: Path) -> None:
    report, page = tmp_path / "report.json", tmp_path / "page.md"
    wanted = ["--of", "installed", "--most", "9", "--report", str(report), "--page", str(page)]
    done = evaluate(*wanted, grpc_port=triton.grpc_port)
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    read, noises = (told["splits"][name]["all"] for name in ("sentences read", "nobody speaks: noises and tones"))
    assert (read["clips"], read["language"], read["errors"]) == (1, 100, 0)
    assert read["wer"] <= 20  # people's English, by the weights that come with it
    low, high = read["ranges"].get("wer", (read["wer"], read["wer"]))
    assert low <= read["wer"] <= high
    assert (noises["silent_clips"], noises["invented"]) == (8, 0)
    assert page.read_text().index("## People") < page.read_text().index("sentences read")


def test_a_manifest_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = evaluate("--manifest", str(tmp_path / "none.jsonl"), grpc_port=free_ports(1)[0])
    assert done.returncode == 1
    assert done.stderr.startswith("evaluate: cannot read the manifest")
    assert len(done.stderr.splitlines()) == 1
