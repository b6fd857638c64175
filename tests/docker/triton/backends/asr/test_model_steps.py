"""A version of `asr` that writes step by step, in the real Triton beside one that leaves it to the graph's loop."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from numpy.typing import NDArray

from export import __main__ as command
from tests import readings
from tests.triton_server import ROOT, TritonAddress, running_triton

pytestmark = pytest.mark.timeout(600)  # two graphs are taken apart and compared before the first
LOOP, STEPS = "1", "2"
SECONDS = (4.7, 2.2, 3.6)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of what is published here the newest graphs; `asr` over them in both forms, both served."""
    folder = tmp_path_factory.mktemp("steps") / "model_repository"
    for config in (ROOT / "model_repository").glob("*/config.pbtxt"):
        newest = max((int(each.name) for each in config.parent.iterdir() if each.name.isdecimal()), default=None)
        if newest is not None and config.parent.name not in ("asr", "language_id"):
            shutil.copytree(config.parent / str(newest), folder / config.parent.name / "1")
            shutil.copy(config, folder / config.parent.name)
    (folder / "asr").mkdir()
    text = (ROOT / "model_repository/asr/config.pbtxt").read_text()
    (folder / "asr/config.pbtxt").write_text(f"{text}\nversion_policy {{ all {{ }} }}\n")
    for decoding in ("loop", "steps"):
        assert command.main(["asr", "--decoding", decoding, "--repository", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonAddress]:
    with running_triton(repository, tmp_path_factory.mktemp("triton")) as address:
        yield address


def ask(server: TritonAddress, version: str, language: str) -> dict[str, Any]:
    sounds = [readings.parts()[0][: round(seconds * 16_000)] for seconds in SECONDS]
    audio = np.zeros((len(sounds), max(map(len, sounds))), np.int16)
    for row, sound in enumerate(sounds):
        audio[row, : len(sound)] = sound
    named = np.array([[language.encode()]] * len(sounds), np.object_)
    inputs: dict[str, NDArray[Any]] = {
        "AUDIO": audio,
        "LENGTH": np.array([[len(each)] for each in sounds], np.int32),
        "LANGUAGE": named,
    }
    kinds = {"int16": "INT16", "int32": "INT32", "object": "BYTES"}
    tensors = [
        tritonclient.grpc.InferInput(name, array.shape, kinds[array.dtype.name]).set_data_from_numpy(array)
        for name, array in inputs.items()
    ]
    names = ("WORD", "START", "END", "CONFIDENCE", "LANGUAGE", "LANGUAGE_PROBABILITY", "AVERAGE_LOG_PROBABILITY")
    with tritonclient.grpc.InferenceServerClient(f"{server.host}:{server.grpc_port}") as client:
        answer = client.infer("asr", tensors, model_version=version,
                              outputs=[tritonclient.grpc.InferRequestedOutput(name) for name in names])  # fmt: skip
        return {name: answer.as_numpy(name) for name in names}


def test_the_manifest_says_who_writes_and_where_it_can(repository: Path) -> None:
    told = json.loads((repository / "asr" / STEPS / "manifest.json").read_bytes())
    assert [each["decoding"] for each in told["engines"]] == ["steps", "steps"]
    assert told["providers"] == ["cpu"], "one of them is in int8"
    for each in told["engines"]:
        graphs = {path.name for path in (repository / "asr" / STEPS / each["steps"]).iterdir()}
        assert graphs == {"encoder.onnx", "step.onnx", "rows.onnx"}


@pytest.mark.parametrize("language", ["en", "de", ""])
def test_both_say_the_same(server: TritonAddress, language: str) -> None:
    loop, steps = (ask(server, version, language) for version in (LOOP, STEPS))
    for name in ("WORD", "LANGUAGE"):
        assert steps[name].tolist() == loop[name].tolist()
    assert any(loop["WORD"].flat)
    for name, tolerance in (("START", 0.03), ("END", 0.03), ("CONFIDENCE", 0.03), ("LANGUAGE_PROBABILITY", 1e-3),
                            ("AVERAGE_LOG_PROBABILITY", 0.03)):  # fmt: skip
        np.testing.assert_allclose(steps[name], loop[name], atol=tolerance)
