"""Exported weights in the real Triton: they load, and a clip in a batch gives what it gives alone."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from numpy.typing import NDArray

from export.parity.originals.sounds import hum, padded
from tests.export.conftest import COMMITTED_REPOSITORY
from tests.export.publishing.published.conftest import export_all, order
from tests.triton_server import ROOT, running_triton

pytestmark = pytest.mark.timeout(600)  # PyTorch is imported, and weights are exported, before the first

# The version of `asr` that each becomes, in this order.
EXPORTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("multilingual", ("--split-above", "50000")),
    ("english", ("--no-padding",)),
    ("mels128", ()),
    ("multilingual", ("--precision", "int8", "--no-padding")),
    ("bundled", ()),
    ("ctc-group", ("--languages", "en")),
    ("ctc-layer", ("--precision", "fp16")),
    ("ctc-adapters", ("--languages", "deu")),
    ("multilingual", ("--decoding", "steps", "--no-padding")),
)
VERSIONS = range(1, len(EXPORTS) + 1)
NAMES = [" ".join((kind, *options)) for kind, options in EXPORTS]
SECONDS = (1.0, 2.5, 0.7, 1.9)
TYPES = {"int16": "INT16", "int32": "INT32", "object": "BYTES"}
MODELS = ("asr", "language_id", "whisper", "ctc")
Arrays = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def exported(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind as a version of its own, all of them served."""
    repository = tmp_path_factory.mktemp("exported") / "model_repository"
    for model in MODELS:
        (repository / model).mkdir(parents=True)
        config = (COMMITTED_REPOSITORY / model / "config.pbtxt").read_text()
        kept = config.replace("version_policy { latest { num_versions: 2 } }", "")
        (repository / model / "config.pbtxt").write_text(f"{kept}\nversion_policy {{ all {{ }} }}\n")
    sources = [ROOT / "export/bundled" if kind == "bundled" else checkpoints / kind for kind, _ in EXPORTS]
    orders = [order(source, repository, *each[1]) for source, each in zip(sources, EXPORTS, strict=True)]
    assert [(each.status, each.errors) for each in export_all(orders)] == [(0, "")] * len(orders)
    return repository


@dataclass(frozen=True)
class Server:
    client: Any

    def ask(self, model: str, version: int, inputs: Mapping[str, NDArray[Any]], *outputs: str) -> Arrays:
        tensors = [
            tritonclient.grpc.InferInput(name, array.shape, TYPES[array.dtype.name]).set_data_from_numpy(array)
            for name, array in inputs.items()
        ]
        wanted = [tritonclient.grpc.InferRequestedOutput(name) for name in outputs]
        answer = self.client.infer(model, tensors, model_version=str(version), outputs=wanted)
        return {name: answer.as_numpy(name) for name in outputs}


@pytest.fixture(scope="module")
def triton(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_triton(exported, tmp_path_factory.mktemp("triton")) as address:
        client = tritonclient.grpc.InferenceServerClient(f"{address.host}:{address.grpc_port}")
        yield Server(client)
        client.close()


def manifest(repository: Path, version: int) -> dict[str, Any]:
    """Of the engine that was exported: before others that stay it is the first."""
    content: dict[str, Any] = json.loads((repository / f"asr/{version}/manifest.json").read_text())
    engines = content.get("engines", [content])
    return dict(engines[0])


def graph_inputs(facts: Mapping[str, Any], seconds: tuple[float, ...]) -> Arrays:
    audio, lengths = padded([hum(each, seed) for seed, each in enumerate(seconds)])
    inputs: Arrays = {"AUDIO": audio, "LENGTH": lengths}
    if facts["family"] == "whisper":
        tokens = facts["tokens"]
        prompt = [tokens["start"], *([-1, tokens["tasks"]["transcribe"]] if tokens["tasks"] else [])]
        rows = len(seconds)
        inputs["PROMPT"] = np.array([[*prompt, tokens["no_timestamps"]]] * rows, np.int32)
        inputs["PROMPT_LENGTH"] = np.full((rows, 1), len(prompt) + 1, np.int32)
        inputs["MAX_TOKENS"] = np.full((rows, 1), 12, np.int32)
    return inputs


@pytest.mark.parametrize("version", VERSIONS, ids=NAMES)
def test_a_graph_answers_a_batch_as_it_answers_each_row_alone(triton: Server, exported: Path, version: int) -> None:
    facts = manifest(exported, version)
    graph, whisper = facts["graph"], facts["family"] == "whisper"
    names = ("TOKEN", "LOG_PROBABILITY", "LANGUAGE") if whisper else ("LOG_PROBABILITY", "FRAMES")
    inputs = graph_inputs(facts, SECONDS)
    together = triton.ask(graph["model"], graph["version"], inputs, *names)
    tolerance = {"fp32": 1e-4, "fp16": 0.05, "int8": 1e-3}[facts["precision"]]
    for row, seconds in enumerate(SECONDS):
        samples = round(seconds * 16_000)
        mine = {name: array[row : row + 1] for name, array in inputs.items()}
        alone = triton.ask(graph["model"], graph["version"], {**mine, "AUDIO": mine["AUDIO"][:, :samples]}, *names)
        count = alone["TOKEN"].shape[1] if whisper else int(alone["FRAMES"][0, 0])
        if whisper:
            assert alone["TOKEN"][0].tolist() == together["TOKEN"][row, :count].tolist()
            assert np.abs(alone["LANGUAGE"][0] - together["LANGUAGE"][row]).max() <= tolerance
        found, expected = together["LOG_PROBABILITY"][row, :count], alone["LOG_PROBABILITY"][0, :count]
        assert np.abs(found - expected).max() <= tolerance


@pytest.mark.parametrize("version", VERSIONS, ids=NAMES)
def test_clips_asked_at_once_give_the_words_that_each_gives_alone(triton: Server, exported: Path, version: int) -> None:
    names = ("WORD", "START", "END", "CONFIDENCE", "LANGUAGE", "AVERAGE_LOG_PROBABILITY")
    clips = [hum(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    facts = manifest(exported, version)
    language = np.array([[b"" if facts["family"] == "whisper" else facts["languages"][0].encode()]], np.object_)
    requests: list[Arrays] = [
        {"AUDIO": clip[None], "LENGTH": np.array([[len(clip)]], np.int32), "LANGUAGE": language} for clip in clips
    ]
    alone = [triton.ask("asr", version, request, *names) for request in requests]
    with ThreadPoolExecutor(len(requests)) as threads:
        together = list(threads.map(lambda request: triton.ask("asr", version, request, *names), requests))
    # Untrained heads look everywhere alike: the last bit decides which way the times take through them.
    timed = ("START", "END") if facts["alignment"] == "ctc" else ()
    for clip, first, second in zip(clips, alone, together, strict=True):
        assert first["WORD"].tolist() == second["WORD"].tolist()
        for name in ("CONFIDENCE", "AVERAGE_LOG_PROBABILITY", *timed):
            np.testing.assert_allclose(first[name], second[name], atol=1e-3 if facts["precision"] == "fp32" else 0.05)
        for found in (first, second):
            assert (found["START"] >= 0).all()
            assert (found["START"] <= found["END"]).all()
            assert (found["END"] <= len(clip) / 16_000 + 1e-6).all()


def test_a_manifest_says_where_weights_are_from_and_what_was_measured(triton: Server, exported: Path) -> None:
    facts = manifest(exported, 1)
    answered = triton.ask("asr", 1, graph_inputs({"family": "ctc"}, (1.0,)), "MANIFEST")["MANIFEST"][0, 0]
    assert json.loads(answered) == facts
    assert facts["licence"] == "apache-2.0"
    assert facts["languages"] == ["en", "zh", "de", "es", "haw"]
    assert facts["tasks"] == ["transcribe", "translate"]
    assert facts["wants_padding"]
    assert len(facts["sha256"]["model.safetensors"]) == 64
    assert 0 < facts["parity"]["max_difference"] <= facts["parity"]["tolerance"] == 1e-4
    assert manifest(exported, 2)["languages"] == ["en"]
    assert not manifest(exported, 2)["wants_padding"]
    assert manifest(exported, 8)["languages"] == ["deu"]


def test_with_languages_the_other_engines_stay(triton: Server, exported: Path) -> None:
    whole = json.loads((exported / "asr/6/manifest.json").read_text())
    assert whole["languages"] == ["en", "de", "es", "fr", "it", "bg"]
    assert whole["tasks"] == ["transcribe", "translate"]
    assert [(each["graph"], each["languages"]) for each in whole["engines"]] == [
        ({"model": "ctc", "version": 1}, ["en"]),
        ({"model": "whisper", "version": 5}, whole["languages"]),
    ]
    assert whole["detection"]["graph"] == {"model": "whisper", "version": 5}
    letters = {each["tokenizer"]: (exported / "asr/6" / each["tokenizer"]).read_text() for each in whole["engines"]}
    assert letters == {"tokenizer-1.json": letters["tokenizer-1.json"], "tokenizer-2.json": tokenizer(exported, 5)}
    assert [each["languages"] for each in stored(exported, 8)] == [["deu"], manifest(exported, 7)["languages"]]
    assert "engines" not in json.loads((exported / "asr/7/manifest.json").read_text()), "without, all are replaced"


def tokenizer(repository: Path, version: int) -> str:
    return (repository / f"asr/{version}/tokenizer.json").read_text()


def stored(repository: Path, version: int) -> list[dict[str, Any]]:
    engines: list[dict[str, Any]] = json.loads((repository / f"asr/{version}/manifest.json").read_text())["engines"]
    return engines


def test_weights_too_large_for_one_file_lie_beside_their_graph(exported: Path) -> None:
    folder = exported / "whisper/1"
    assert (folder / "model.onnx.data").stat().st_size > (folder / "model.onnx").stat().st_size
    assert not (exported / "whisper/2/model.onnx.data").exists()


def test_int8_is_smaller_and_language_id_shares_its_graph(exported: Path) -> None:
    sizes = [sum(file.stat().st_size for file in (exported / f"whisper/{n}").iterdir()) for n in (1, 4)]
    assert sizes[1] < 0.75 * sizes[0]  # of so small a model the embedding, which stays as it is, is a large part
    served_on = [json.loads((exported / f"whisper/{n}/manifest.json").read_text())["providers"] for n in (1, 4)]
    assert served_on == [["cpu", "cuda", "tensorrt"], ["cpu"]]
    languages = json.loads((exported / "language_id/4/manifest.json").read_text())
    assert languages["graph"] == manifest(exported, 4)["graph"]
