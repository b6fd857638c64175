"""The WebSocket below a session."""

import pytest

from frontend.connection.websocket import _close_reason


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", ""),
        ("gone", "gone"),
        ("x" * 124, "x" * 123),
        ("x" + "\N{GRINNING FACE}" * 40, "x" + "\N{GRINNING FACE}" * 30),
        ("half \ud83d", "half ?"),
    ],
)
def test_a_close_frame_holds_whole_characters_of_its_reason(reason: str, told: str) -> None:
    assert _close_reason(reason).decode() == told
