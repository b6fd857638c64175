"""The rules by which a configuration and its graph are compared, in the native backend's words."""

from __future__ import annotations

from typing import Any

import pytest

from docker.triton import configuration
from docker.triton.agreement import Config, Signature, Tensor, disagreement
from docker.triton.configuration import ConfigurationError

CONFIG = """
max_batch_size: 8
input [
  { name: "AUDIO" data_type: TYPE_INT16 dims: [ -1 ] },
  { name: "LENGTH" data_type: TYPE_INT32 dims: [ 1 ] }
]
output [ { name: "SCORE" data_type: TYPE_FP32 dims: [ -1, 4 ] } ]
"""


def signature(overridable: tuple[Tensor, ...] = (), **changed: Tensor) -> Signature:
    tensors = {
        "AUDIO": Tensor("AUDIO", "INT16", (-1, -1)),
        "LENGTH": Tensor("LENGTH", "INT32", (-1, 1)),
        "SCORE": Tensor("SCORE", "FP32", (-1, -1, 4)),
        **changed,
    }
    inputs = {name: tensor for name, tensor in tensors.items() if name != "SCORE"}
    return Signature(inputs, {"SCORE": tensors["SCORE"]}, {each.name: each for each in overridable})


def config(*changes: tuple[str, str]) -> Config:
    text = CONFIG
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return configuration.parse(text)


def complaint(stated: Config, graph: Signature) -> str:
    problem = disagreement("it", stated, graph)
    assert problem is not None
    return problem


def test_equal_sizes_agree() -> None:
    assert disagreement("it", config(), signature()) is None


def test_an_output_size_that_only_the_graph_knows_is_refused() -> None:
    fixed = signature(SCORE=Tensor("SCORE", "FP32", (-1, 6, 4)))
    assert complaint(config(), fixed) == (
        "model 'it', tensor 'SCORE': the model expects 3 dimensions (shape [-1,6,4]) but the model configuration "
        "specifies 3 dimensions (an initial batch dimension because max_batch_size > 0 followed by the explicit tensor "
        "shape, making complete shape [-1,-1,4])"
    )


def test_an_output_size_that_only_the_configuration_knows_is_refused() -> None:
    assert "complete shape [-1,7,4]" in complaint(config(("dims: [ -1, 4 ]", "dims: [ 7, 4 ]")), signature())


def test_an_input_size_may_be_open_in_the_graph_alone() -> None:
    assert disagreement("it", config(("dims: [ -1 ]", "dims: [ 512 ]")), signature()) is None
    fixed = signature(AUDIO=Tensor("AUDIO", "INT16", (-1, 512)))
    assert "(shape [-1,512])" in complaint(config(), fixed)


def test_another_number_of_dimensions_is_refused() -> None:
    assert "specifies 2 dimensions" in complaint(config(("dims: [ -1, 4 ]", "dims: [ -1 ]")), signature())


def test_a_batch_axis_of_a_fixed_size_is_refused() -> None:
    fixed = signature(SCORE=Tensor("SCORE", "FP32", (1, -1, 4)))
    assert "the first dimension must be -1; but shape expected by the model is [1,-1,4]" in complaint(config(), fixed)


def test_another_type_is_refused() -> None:
    doubled = signature(SCORE=Tensor("SCORE", "FP64", (-1, -1, 4)))
    assert complaint(config(), doubled) == (
        "unable to load model 'it', configuration expects datatype TYPE_FP32 for output 'SCORE', "
        "model provides TYPE_FP64"
    )
    texts = signature(LENGTH=Tensor("LENGTH", "STRING", (-1, 1)))
    assert complaint(config(), texts).endswith("for input 'LENGTH', model provides TYPE_BYTES")
    assert "unsupported datatype TYPE_FP8" in complaint(config(("TYPE_FP32", "TYPE_FP8")), signature())


def test_a_missing_or_surplus_input_is_refused() -> None:
    surplus = signature(PROMPT=Tensor("PROMPT", "INT32", (-1, -1)))
    expected = "unable to load model 'it', configuration expects 2 inputs, model provides 3"
    assert complaint(config(), surplus) == expected


def test_an_unknown_tensor_is_refused_with_those_that_there_are() -> None:
    renamed = config(('"LENGTH"', '"SAMPLES"'))
    assert complaint(renamed, signature()) == "unexpected inference input 'SAMPLES', allowed inputs are: AUDIO, LENGTH"
    assert "unexpected inference output 'X'" in complaint(config(('"SCORE"', '"X"')), signature())


def test_an_output_that_the_configuration_leaves_out_is_no_matter() -> None:
    more = signature()
    outputs = {**more.outputs, "MORE": Tensor("MORE", "FP32", (3,))}
    assert disagreement("it", config(), Signature(more.inputs, outputs, {})) is None


def test_an_optional_input_and_batching_do_not_go_together() -> None:
    weight = Tensor("WEIGHT", "FP32", (-1, 1))
    optional = config(
        ("output [", 'input [ { name: "WEIGHT" data_type: TYPE_FP32 dims: [ 1 ] optional: true } ] output [')
    )
    found = complaint(optional, signature(overridable=(weight,)))
    assert found.endswith("optional input 'WEIGHT' is not supported for models that support batching")
    alone = {**optional, "max_batch_size": 0, "input": optional["input"][2:], "output": []}
    assert disagreement("it", alone, Signature({}, {}, {"WEIGHT": Tensor("WEIGHT", "FP32", (1,))})) is None


def test_a_ragged_input_must_be_one_open_axis() -> None:
    ragged = config(("dims: [ -1 ] }", "dims: [ -1 ] allow_ragged_batch: true }"))
    assert complaint(ragged, signature()).endswith("for ragged input 'AUDIO', model provides [-1,-1]")
    assert disagreement("it", ragged, signature(AUDIO=Tensor("AUDIO", "INT16", (-1,)))) is None


def test_a_scalar_is_stated_as_ones() -> None:
    scalar = {**config(("dims: [ -1, 4 ]", "dims: [ 4 ]")), "max_batch_size": 0, "input": []}
    graph = Signature({}, {"SCORE": Tensor("SCORE", "FP32", ())}, {})
    assert complaint(scalar, graph).endswith("Model configuration provided: [4].")
    scalar["output"][0]["dims"] = [1]
    assert disagreement("it", scalar, graph) is None


def test_a_reshape_stands_in_for_the_dimensions() -> None:
    reshaped = config(("dims: [ -1, 4 ]", "dims: [ 8 ] reshape: { shape: [ 2, 4 ] }"))
    assert "complete shape [-1,2,4]" in complaint(reshaped, signature())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name: "vad', "line 1"),
        ("name:", "the end"),
        ("input [ { name: 3 ", "the end"),
        ("max_batch_size: 8\n\x01", "line 2"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        configuration.parse(text)


def test_strings_lists_and_comments_are_read_as_triton_reads_them() -> None:
    read: dict[str, Any] = configuration.parse(
        'name: "a \\"b\\" ñ" # a comment\ninstance_group { count: 2, kind: KIND_CPU }\n'
        'parameters { key: "x" value: { string_value: "1" } }\ndims: 1 dims: [2, 3]'
    )
    assert read["name"] == 'a "b" ñ'
    assert read["instance_group"] == [{"count": 2, "kind": "KIND_CPU"}]
    assert read["parameters"] == {"x": {"string_value": "1"}}
    assert read["dims"] == [1, 2, 3]
