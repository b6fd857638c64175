"""Whatever a protocol says in these tests stands in the description of its channel."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from frontend.dialogue.commands import Command, Push, Refuse, Reply
from frontend.protocols import PROTOCOLS
from frontend.protocols.base import WireProtocol
from tests.frontend.described import is_described

Method = Callable[..., Iterator[Command]]


@pytest.fixture(autouse=True)
def described(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    told: set[tuple[str, str]] = set()
    methods = [
        (each, name, getattr(each, name)) for each in PROTOCOLS for name in ("begin", "receive", "send", "refuse")
    ]
    for protocol, name, method in methods:
        monkeypatch.setattr(protocol, name, overheard(method, told))
    yield
    untold = [each for each in told if not is_described(*each)]
    assert not untold, "frontend/descriptions/asyncapi.yaml has no such message of this channel"


def overheard(method: Method, told: set[tuple[str, str]]) -> Method:
    def speaking(protocol: WireProtocol, *arguments: Any) -> Iterator[Command]:
        for command in method(protocol, *arguments):
            if isinstance(command, Reply | Refuse | Push):
                text = command.text
                told.add((protocol.profile.name, text if isinstance(text, str) else text.encode().decode()))
            yield command

    return speaking
