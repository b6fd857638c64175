"""What the keeper says of a model that does not answer its probe."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from docker.triton import model_keeper
from docker.triton.admission import Admission
from docker.triton.endpoint import Endpoint, VersionState
from docker.triton.host import Host
from docker.triton.last_good import LastGood
from docker.triton.model_keeper import ModelKeeper
from tests.triton_server import wait_until

ANSWER = threading.Event()


class Stuck(Endpoint):
    """A server with one model, whose inferences end when they are told to."""

    def is_live(self) -> bool:
        return True

    def index(self) -> dict[str, list[VersionState]]:
        return {"vad": [VersionState(1, ready=True, reason="")]}

    def config(self, model: str) -> dict[str, Any]:
        return {"model_warmup": [{}]}

    def load(self, model: str, config: Mapping[str, Any] | None = None) -> None:
        pass

    def infer_zeros(self, model: str, config: Mapping[str, Any]) -> None:
        ANSWER.wait(20)


def test_a_model_that_does_not_answer_is_told_once_and_so_is_its_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = tmp_path / "repository" / "vad"
    (model / "1").mkdir(parents=True)
    (model / "1" / "model.onnx").touch()
    (model / "config.pbtxt").write_text('name: "vad"')
    keeper = ModelKeeper(
        Stuck("127.0.0.1", 1), model.parent, LastGood(tmp_path / "good"), Admission(model.parent, Host)
    )
    caplog.set_level(logging.WARNING, "model_keeper")
    keeper.tick()
    assert not caplog.records
    monkeypatch.setattr(model_keeper, "UNANSWERED_SECONDS", 0.0)
    for _ in range(3):
        keeper.tick()
    assert caplog.text.count("no answer for 30 s") == 1
    ANSWER.set()
    wait_until(lambda: "answers again" in caplog.text, 10)
