"""Which versions the launcher lets Triton load, on a machine as the test says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from docker.triton import configuration
from docker.triton.admission import Admission, Admitted, MisplacedError, policy
from docker.triton.graph_file import GraphFile, GraphFileError
from docker.triton.host import Card, Host, card
from docker.triton.repository import scan
from export.graphs.runtime import Runner
from tests.docker import tiny_models

NO_GPU = Host()
H100 = Host(Card("NVIDIA H100", 80 << 30))
PLAN = 'name: "plan"\nbackend: "tensorrt"\nmax_batch_size: 8\n'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    tiny_models.publish_model(tmp_path, "adder", tiny_models.ADDER, tiny_models.adder(1.0))
    tiny_models.publish_version(tmp_path, "adder", 2, tiny_models.adder(2.0))
    return tmp_path


def decided(repository: Path, host: Host = NO_GPU, model: str = "adder") -> Admitted:
    return Admission(repository, lambda: host).decide(model, scan(repository)[model])


def note(repository: Path, version: str, **facts: Any) -> None:
    (repository / version / "manifest.json").write_text(json.dumps(facts))


def graph_with(**changes: int) -> bytes:
    model = onnx.load_from_string(tiny_models.adder(1.0))
    model.ir_version = changes.get("format_version", model.ir_version)
    model.opset_import[0].version = changes.get("opset", model.opset_import[0].version)
    content: bytes = model.SerializeToString()
    return content


def test_versions_that_nothing_speaks_against_are_served_by_their_configuration(repository: Path) -> None:
    assert decided(repository) == Admitted((1, 2))


def test_what_triton_cannot_read_is_left_to_triton_to_refuse(repository: Path) -> None:
    for content in (
        *(b'name: "', b'# \xfcbel\nname: "adder"', b"version_policy { latest { num_versions: two } }"),
        *(b"version_policy: 1", b"instance_group: 5", b'optimization: "x"', b'parameters { key: "x" }'),
        *(b"input: 5", b'input { name: "x" }', b'max_batch_size: "x"'),
    ):
        (repository / "adder" / "config.pbtxt").write_bytes(content)
        assert decided(repository) == Admitted((1, 2))
        assert Admission(repository, lambda: NO_GPU).settled("adder", scan(repository)["adder"])


def test_the_version_before_is_served_where_the_newest_is_refused(repository: Path) -> None:
    (repository / "adder" / "2" / "model.onnx").write_bytes(tiny_models.lookup())
    found = decided(repository)
    assert found.versions == [1]
    assert found.config is not None
    assert found.config["version_policy"] == {"specific": {"versions": [1]}}
    assert found.config["parameters"] == {"intra_op_thread_count": {"string_value": "1"}}
    assert found.refused[2] == (
        "unexpected inference input 'X', allowed inputs are: INDEX: publish it anew with `python -m export`"
    )


def test_an_older_version_that_no_policy_chooses_is_nobodys_trouble(repository: Path) -> None:
    (repository / "adder" / "1" / "model.onnx").write_bytes(b"")
    assert decided(repository) == Admitted((1, 2))


def test_a_graph_of_a_newer_opset_or_format_is_refused(repository: Path) -> None:
    for changes in ({"opset": 23}, {"format_version": 11}):
        (repository / "adder" / "2" / "model.onnx").write_bytes(graph_with(**changes))
        assert "every supported ONNX Runtime knows 22 and 10" in decided(repository).refused[2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": onnx.TensorProto.DOUBLE}, "expects datatype TYPE_FP32 for output 'Y', model provides TYPE_FP64"),
        ({"size": 3}, "tensor 'Y': the model expects 2 dimensions (shape [-1,3])"),
        ({"name": "Z"}, "unexpected inference output 'Y', allowed outputs are: LABEL, Z"),
    ],
    ids=["type", "shape", "name"],
)
def test_a_graph_whose_output_is_another_is_refused(repository: Path, change: dict[str, Any], words: str) -> None:
    model = onnx.load_from_string(tiny_models.adder(1.0))
    output = model.graph.output[0]
    output.name = change.get("name", output.name)
    output.type.tensor_type.elem_type = change.get("kind", output.type.tensor_type.elem_type)
    if "size" in change:
        output.type.tensor_type.shape.dim[1].dim_value = change["size"]
    (repository / "adder" / "2" / "model.onnx").write_bytes(model.SerializeToString())
    found = decided(repository)
    assert words in found.refused[2]
    assert found.versions == [1]


def test_a_version_for_another_provider_is_refused(repository: Path) -> None:
    note(repository / "adder", "2", providers=["cpu"])
    assert not decided(repository).refused
    assert decided(repository, H100).refused == {
        2: "it is for cpu and adder runs on tensorrt here: publish one for tensorrt"
    }


def test_a_gpu_without_room_is_told_with_what_is_needed(repository: Path) -> None:
    with (repository / "adder" / "2" / "model.onnx.data").open("wb") as file:
        file.truncate(1 << 30)
    assert not decided(repository, H100).refused
    full = Host(Card("NVIDIA H100", 1 << 30))
    assert "it needs 1536 MiB of the GPU's memory and 1024 are free" in decided(repository, full).refused[2]


def test_a_plan_for_another_card_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan" / "1").mkdir(parents=True)
    (tmp_path / "plan" / "config.pbtxt").write_text(PLAN)
    (tmp_path / "plan" / "1" / "model.plan").write_bytes(b"plan")
    note(tmp_path / "plan", "1", gpu="NVIDIA A10")
    assert "its plan is for NVIDIA A10 and this is NVIDIA H100" in decided(tmp_path, H100, "plan").refused[1]
    note(tmp_path / "plan", "1", gpu="NVIDIA H100")
    assert not decided(tmp_path, H100, "plan").refused


def test_a_model_that_must_run_on_a_gpu_is_refused_where_there_is_none(repository: Path) -> None:
    path = repository / "adder" / "config.pbtxt"
    path.write_text(path.read_text().replace("{ count: 1 }", "{ count: 1 kind: KIND_GPU }"))
    found = decided(repository)
    assert "there is no NVIDIA GPU" in found.refused[1]
    assert found.versions == []


def test_a_model_that_fell_back_to_the_cpu_is_told_where_a_gpu_is_required(repository: Path) -> None:
    admission = Admission(repository, lambda: H100)
    fallen = {"instance_group": [{"kind": "KIND_CPU"}]}
    assert admission.placed("adder", fallen, None) == "cpu"
    with pytest.raises(MisplacedError, match="adder runs on cpu and cuda is required"):
        admission.placed("adder", fallen, "cuda")
    on_card = {"instance_group": [{"kind": "KIND_GPU"}]}
    assert admission.placed("adder", on_card, "cuda") == "cuda"
    accelerated = configuration.parse(tiny_models.ADDER)
    assert admission.placed("adder", {**on_card, "optimization": accelerated["optimization"]}, "tensorrt") == "tensorrt"


def test_a_model_that_asks_for_the_cpu_may_have_it(repository: Path) -> None:
    path = repository / "adder" / "config.pbtxt"
    path.write_text(path.read_text().replace("{ count: 1 }", "{ count: 1 kind: KIND_CPU }"))
    assert (
        Admission(repository, lambda: H100).placed("adder", {"instance_group": [{"kind": "KIND_CPU"}]}, "cuda") == "cpu"
    )


def test_a_policy_chooses_as_triton_does() -> None:
    assert policy({}, [1, 2, 3]) == [3]
    assert policy({"version_policy": {"latest": {"num_versions": 2}}}, [1, 2, 3]) == [2, 3]
    assert policy({"version_policy": {"all": {}}}, [1, 2, 3]) == [1, 2, 3]
    assert policy({"version_policy": {"specific": {"versions": [2, 9]}}}, [1, 2, 3]) == [2]


@pytest.mark.parametrize("make", [lambda: tiny_models.adder(1.0), tiny_models.echo, tiny_models.unbatched])
def test_a_file_is_read_as_onnx_runtime_reads_it(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(make())
    read = GraphFile.read(path)
    assert (read.opset, read.format_version) == (17, 8)
    assert read.signature == Runner(path).signature()


@pytest.mark.parametrize("length", [0, 1, 10, 100, 200])
def test_a_cut_file_is_no_graph(tmp_path: Path, length: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_models.adder(1.0)[:length])
    with pytest.raises(GraphFileError, match="not an ONNX file, or damaged"):
        GraphFile.read(path)


def test_the_drivers_answer_is_read() -> None:
    assert card("NVIDIA H100 80GB HBM3, 81000\n") == Card("NVIDIA H100 80GB HBM3", 81000 << 20)
    assert card("No devices were found\n") is None
