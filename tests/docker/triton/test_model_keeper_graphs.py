"""Versions of `asr` beside the graph that they name, inside the real Triton."""

from __future__ import annotations

import pytest

from tests.docker.scripted_graph import Repository
from tests.docker.triton.backends.asr.test_model import HELLO, SCRIPTS, audio
from tests.recogniser import ask, words
from tests.triton_server import running_triton, wait_until


def test_a_model_waits_for_the_graph_that_it_calls(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("waiting")
    Repository(root / "repository").write(SCRIPTS)
    graph = root / "repository" / "whisper"
    graph.rename(root / "whisper")
    with running_triton(root / "repository", root / "state", wait_for=[]) as triton:
        wait_until(lambda: "load_failed model=asr" in triton.log_file.read_text())
        assert not triton.is_ready("asr")
        (root / "whisper").rename(graph)
        wait_until(lambda: triton.is_ready("asr"))
        assert words(ask(triton, AUDIO=audio(HELLO))) == [" hello", " to", " you"]


def test_the_version_before_serves_on_where_a_new_one_names_a_graph_that_is_not_there(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("broken")
    Repository(root / "repository").write(SCRIPTS)
    Repository(root / "next", {"graph": {"model": "whisper", "version": 7}}).write(SCRIPTS)
    with running_triton(root / "repository", root / "state") as triton:
        server_pid = triton.server_pid
        (root / "next" / "asr" / "1").rename(root / "repository" / "asr" / "2")
        wait_until(lambda: "load_failed model=asr newest=2 still_serving=[1]" in triton.log_file.read_text())
        assert words(ask(triton, AUDIO=audio(HELLO))) == [" hello", " to", " you"]
        assert "its graph whisper/7 is not loaded" in triton.log_file.read_text()
        assert triton.server_pid == server_pid, "Triton died of it"
