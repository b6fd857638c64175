"""What the served recogniser is able to decides what may be asked of it."""

from dataclasses import replace
from typing import Any

import pytest

from frontend.dialogue.commands import Refuse
from frontend.dialogue.messages import JsonMessage
from frontend.protocols.transcribe import Transcribe
from frontend.speech import Manifest
from tests.frontend.conversations import context
from tests.frontend.fakes import RECOGNISER


def refusals(asked: dict[str, Any], served: Manifest) -> list[str]:
    usual = context()
    manifests = {**usual.manifests, "asr": served}
    conversation = Transcribe(replace(usual, manifests=manifests))
    commands = conversation.receive(JsonMessage({"type": "transcribe", **asked}))
    return [str(command.reason) for command in commands if isinstance(command, Refuse)]


def test_a_task_that_it_does_not_do_is_refused_by_name() -> None:
    assert refusals({"task": "translate"}, replace(RECOGNISER, tasks=("transcribe",))) == [
        "unsupported task: translate"
    ]
    assert refusals({"task": "translate"}, replace(RECOGNISER, tasks=("transcribe", "translate"))) == []


@pytest.mark.parametrize("task", ["transcribe", "translate"])
def test_a_recogniser_that_names_no_tasks_is_asked_for_any(task: str) -> None:
    assert refusals({"task": task}, replace(RECOGNISER, tasks=())) == []


def test_a_language_that_it_does_not_hear_is_refused_by_name() -> None:
    assert refusals({"language": "de"}, replace(RECOGNISER, languages=("en",))) == ["unsupported language: de"]
    assert refusals({"language": "de"}, replace(RECOGNISER, languages=("en", "de"))) == []
