"""A new embedding model while clients are connected: old templates are refused, never scored against the new one."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import websocket
from onnx import numpy_helper

from tests.gateway.rest import post_json, template_of
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, running_triton, wait_until
from tests.voices import TEXT, say

MATCH = "/voice_template_matcher/match_voice_templates"
NEW_IDENTITY = "ab" * 16


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return shutil.copytree(ROOT / "model_repository", tmp_path / "repository")


@pytest.fixture
def gateway(repository: Path, tmp_path: Path) -> Iterator[GatewayAddress]:
    with running_triton(repository, tmp_path / "triton") as triton, running_gateway(triton, tmp_path / "g") as address:
        yield address


def publish_another_model(model: Path) -> None:
    """The same weights under another identity, as the newest version, by an atomic rename."""
    newest = max((int(version.name) for version in model.iterdir() if version.name.isdigit()), default=0)
    graph = onnx.load(model / str(newest) / "model.onnx")
    for constant in graph.graph.initializer:
        if constant.data_type == onnx.TensorProto.STRING:
            (text,) = numpy_helper.to_array(constant).reshape(-1)
            manifest = json.loads(text) | {"identity": NEW_IDENTITY}
            changed = np.array([[json.dumps(manifest).encode()]], object)
            constant.CopyFrom(numpy_helper.from_array(changed, constant.name))
    unfinished = model / ".unfinished"
    unfinished.mkdir()
    onnx.save(graph, unfinished / "model.onnx")
    os.rename(unfinished, model / str(newest + 1))


def serves_new_model(gateway: GatewayAddress) -> bool:
    identity = json.loads(gateway.get("/core/get_build_info")[1])["models"]["speaker_embedding"]
    return bool(identity == NEW_IDENTITY)


def test_old_templates_are_refused_on_open_and_new_connections(gateway: GatewayAddress, repository: Path) -> None:
    old = template_of(gateway, say(TEXT))
    stream = websocket.create_connection(gateway.ws("/voice_verify_stream"), timeout=30)
    for parameter in (old, "16000", "3"):
        stream.send(parameter)
        assert stream.recv() == "200"
    stream.send_binary(say(TEXT)[:48000].tobytes())
    assert json.loads(stream.recv())[0]["verify_result"]["probability"] > 0.5
    publish_another_model(repository / "speaker_embedding")
    wait_until(lambda: serves_new_model(gateway))
    stream.send_binary(say(TEXT)[48000:96000].tobytes())
    assert stream.recv() == "500"
    stream.close()
    fresh = websocket.create_connection(gateway.ws("/voice_verify_stream"), timeout=30)
    fresh.send(old)
    assert fresh.recv() == "500"
    fresh.send(template_of(gateway, say(TEXT)))
    assert fresh.recv() == "200"
    fresh.close()
    status, body = post_json(gateway, MATCH, {"template1": old, "template2": old})
    assert status == 400
    assert "another version of the embedding model" in json.loads(body)["message"]
