"""Changes of the repository and deaths of stubs, under one running Triton."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.docker import tiny_models
from tests.docker.conftest import Workbench
from tests.triton_server import wait_until

BROKEN = tiny_models.adder(1.0).replace(b"Add", b"Adx")  # no such operator
NO_GRAPH = b"this is no ONNX graph"


@contextmanager
def load_on(workbench: Workbench, model: str, clients: int = 4) -> Iterator[list[float | None]]:
    """Clients that ask without a pause; the list is every answer they got, None for a failure."""
    answers: list[float | None] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(workbench.sum_of(model))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_model_folder_that_appears_is_served_and_unloaded_when_it_goes(workbench: Workbench) -> None:
    workbench.add_adder("guest", bias=7.0)
    assert workbench.sum_of("guest") == 7.0
    shutil.rmtree(workbench.repository / "guest")
    wait_until(lambda: workbench.sum_of("guest") is None)


def test_a_new_version_is_served_without_one_failed_request(workbench: Workbench) -> None:
    workbench.add_adder("renewed", bias=1.0)
    with load_on(workbench, "renewed") as answers:
        wait_until(lambda: len(answers) > 20)
        workbench.add_version("renewed", 2, tiny_models.adder(2.0))
        wait_until(lambda: answers[-1] == 2.0)
        seen = len(answers)
        wait_until(lambda: len(answers) > seen + 20)
    assert set(answers) == {1.0, 2.0}


def test_a_broken_version_leaves_the_old_one_serving_and_is_tried_once(workbench: Workbench) -> None:
    workbench.add_adder("steady", bias=1.0)
    workbench.add_version("steady", 2, BROKEN)
    failed = ("load_failed", "model=steady", "newest=2", "still_serving=[1]", "Adx")
    wait_until(lambda: workbench.log_lines(*failed) != [])
    assert workbench.sum_of("steady") == 1.0
    workbench.add_version("steady", 3, tiny_models.adder(3.0))
    wait_until(lambda: workbench.sum_of("steady") == 3.0)  # a look at the repository later, at least
    assert len(workbench.log_lines("load_failed", "model=steady")) == 1


def test_versions_that_cannot_be_served_are_refused_before_triton_sees_them(workbench: Workbench) -> None:
    workbench.add_adder("guarded", bias=1.0)
    workbench.add_version("guarded", 2, NO_GRAPH)
    workbench.add_version("guarded", 3, tiny_models.lookup())
    wait_until(lambda: workbench.log_lines("version_refused", "model=guarded", "version=3") != [])
    (misfit,) = workbench.log_lines("version_refused", "model=guarded", "version=3")
    assert "unexpected inference input 'X', allowed inputs are: INDEX" in misfit
    (garbage,) = workbench.log_lines("version_refused", "model=guarded", "version=2")
    assert "is not an ONNX file, or damaged" in garbage
    assert workbench.sum_of("guarded") == 1.0
    assert workbench.log_lines("load_failed", "model=guarded") == []
    workbench.add_version("guarded", 4, tiny_models.adder(4.0))
    wait_until(lambda: workbench.sum_of("guarded") == 4.0)


def test_a_version_that_fails_its_warm_up_leaves_the_old_one_serving_and_triton_alive(workbench: Workbench) -> None:
    workbench.add_adder("cold", bias=1.0)
    server_pid = workbench.triton.server_pid
    workbench.add_version("cold", 2, tiny_models.failing())
    failed = ("load_failed", "model=cold", "newest=2", "still_serving=[1]", "the graph fails in its warm-up")
    wait_until(lambda: workbench.log_lines(*failed) != [])
    assert workbench.sum_of("cold") == 1.0
    workbench.add_version("cold", 3, tiny_models.adder(3.0))
    wait_until(lambda: workbench.sum_of("cold") == 3.0)
    assert workbench.triton.server_pid == server_pid, "Triton died of it"


def test_a_version_that_goes_gives_the_place_back_to_the_one_before(workbench: Workbench) -> None:
    workbench.add_adder("retracted", bias=1.0)
    workbench.add_version("retracted", 2, tiny_models.adder(2.0))
    wait_until(lambda: workbench.sum_of("retracted") == 2.0)
    folder = workbench.repository / "retracted"
    os.rename(folder / "2", folder / ".2")
    wait_until(lambda: workbench.sum_of("retracted") == 1.0)


def test_a_folder_that_is_still_being_written_is_not_touched(workbench: Workbench) -> None:
    workbench.add_adder("growing", bias=1.0)
    unfinished = workbench.repository / "growing" / ".2.unfinished"
    unfinished.mkdir()
    (unfinished / "model.onnx").write_bytes(tiny_models.adder(2.0)[:50])
    workbench.add_adder("bystander")  # served only after the launcher looked
    assert workbench.log_lines("load_failed", "model=growing") == []
    assert workbench.sum_of("growing") == 1.0


def test_a_model_whose_stub_was_killed_serves_again(workbench: Workbench) -> None:
    workbench.add_adder("mortal", bias=1.0)
    for _death in range(2):  # Triton ignores a second load that differs in nothing from the first
        stubs = workbench.triton.stub_pids("mortal")
        assert len(stubs) == 1
        os.kill(stubs[0], signal.SIGKILL)
        wait_until(lambda: workbench.triton.stub_pids("mortal") not in ([], stubs))  # noqa: B023 used at once
        wait_until(lambda: workbench.sum_of("mortal") == 1.0)


def test_a_revived_model_still_takes_new_versions(workbench: Workbench) -> None:
    workbench.add_adder("lively", bias=1.0)
    workbench.add_version("lively", 2, BROKEN)
    wait_until(lambda: workbench.log_lines("load_failed", "model=lively") != [])
    os.kill(workbench.triton.stub_pids("lively")[0], signal.SIGKILL)
    wait_until(lambda: workbench.log_lines("model_revived", "model=lively", "versions=[1]") != [])
    assert workbench.sum_of("lively") == 1.0
    workbench.add_version("lively", 3, tiny_models.adder(3.0))
    wait_until(lambda: workbench.sum_of("lively") == 3.0)


def test_after_a_crash_of_the_server_the_last_good_version_serves_although_the_newest_is_broken(
    workbench: Workbench,
) -> None:
    workbench.add_adder("proven", bias=1.0)
    workbench.add_version("proven", 2, BROKEN)
    wait_until(lambda: workbench.log_lines("load_failed", "model=proven") != [])
    old_server = workbench.triton.server_pid
    assert old_server is not None
    os.kill(old_server, signal.SIGKILL)
    wait_until(lambda: workbench.sum_of("proven") == 1.0 and workbench.sum_of("adder") == 1.0)
    assert workbench.triton.server_pid not in (None, old_server)
    assert workbench.log_lines("model_serves_last_good", "model=proven", "versions=[1]")
    workbench.add_version("proven", 3, tiny_models.adder(3.0))
    wait_until(lambda: workbench.sum_of("proven") == 3.0)
