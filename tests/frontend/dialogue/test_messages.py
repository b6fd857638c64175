"""A message is read the same way in memory and in a file, and leaves nothing behind."""

import pytest

from frontend.dialogue.messages import RawMessage
from frontend.memory.memory_file import MemoryFile
from tests.frontend.fakes import budget


def test_a_message_gives_its_bytes_wherever_they_lie_and_its_room_back() -> None:
    held, file = budget(), MemoryFile()
    file.append(b"large")
    for content in (b"large", file):
        message = RawMessage("binary", content, 5, held.lease(5))
        assert message.data() == b"large"
        assert held.used_bytes == 5
        message.close()
        assert held.used_bytes == 0
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.content()
