"""Who asks a model for something in a turn: somebody who awaits one result, and a stream that listens."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from frontend.speech import Listener
from frontend.triton.tensors import Row


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who awaits the result of one row."""

    asked: Row
    result: "asyncio.Future[Any]"

    def row(self) -> Row | None:
        return None if self.result.done() else self.asked  # its stream may be gone

    def answered(self, result: Any) -> None:
        if not self.result.done():
            self.result.set_result(result)

    def failed(self, error: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(error)


@dataclass(frozen=True, slots=True)
class Listening:
    """A stream that is told what there is to hear in it when its turn has come."""

    listener: Listener
    request_id: str

    def row(self) -> Row | None:
        sound = self.listener.row()
        return None if sound is None else Row(self.request_id, sound.samples, sound.state)

    def answered(self, result: Any) -> None:
        self.listener.answered(result)

    def failed(self, error: Exception) -> None:
        self.listener.failed(error)


def joint_id(rows: Sequence[Row]) -> str:
    """A batch goes under the id of its first row, with how many joined it."""
    first = rows[0].request_id
    return first if len(rows) == 1 else f"{first}+{len(rows) - 1}"
