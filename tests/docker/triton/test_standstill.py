"""A model that never finishes, in a real Triton; and who is ended, before a scripted one."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from docker.triton import standstill
from docker.triton.endpoint import Endpoint
from docker.triton.standstill import Processes, Standstill
from tests.docker import tiny_models
from tests.docker.conftest import Workbench
from tests.triton_server import running_triton, wait_until

FOREVER = {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 1], "data": [1e15]}], "outputs": [{"name": "Y"}]}


def test_a_model_that_stands_still_is_ended_and_answers_again_while_the_others_go_on(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    for name, graph in (("still", tiny_models.spinner()), ("lively", tiny_models.adder(1.0))):
        tiny_models.publish_model(repository, name, tiny_models.ADDER, graph)
    soon = ["--standstill-seconds", "2"]
    with running_triton(repository, tmp_path / "state", launcher_arguments=soon) as triton:
        bench = Workbench(triton, repository)
        (still,), lively = triton.stub_pids("still"), triton.stub_pids("lively")
        asked = threading.Thread(target=triton.call, args=("POST", "/v2/models/still/infer", FOREVER))
        asked.start()
        wait_until(lambda: bench.log_lines("model_stands_still", "model=still", f"ends=[{still}]") != [])
        wait_until(lambda: bench.log_lines("model_revived", "model=still") != [])
        wait_until(lambda: bench.sum_of("still") == 1.0)
        asked.join()
        assert triton.stub_pids("lively") == lively


class Counting(Endpoint):
    """A server whose models have finished so much."""

    def count(self, counts: Mapping[str, int]) -> None:
        object.__setattr__(self, "counts", counts)

    def finished(self, model: str) -> int:
        return int(vars(self)["counts"][model])


class NoProcesses(Processes):
    """The models have none of their own."""

    def __init__(self) -> None:
        self.ended = 0

    def of(self, model: str) -> list[int]:
        return []

    def end_server(self) -> None:
        self.ended += 1


def test_a_busy_model_is_left_alone_and_one_without_a_process_ends_with_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, waiting = [0.0], {"busy", "still"}
    monkeypatch.setattr(standstill.time, "monotonic", lambda: now[0])
    server, processes = Counting("127.0.0.1", 1), NoProcesses()
    looker = Standstill(server, 10.0, lambda: waiting, processes)
    for second in range(12):
        now[0] = float(second)
        server.count({"busy": second, "still": 3})
        assert processes.ended == 0
        looker.look()
    assert processes.ended == 1
    waiting.clear()  # they have answered
    now[0] = 100.0
    looker.look()
    assert processes.ended == 1
