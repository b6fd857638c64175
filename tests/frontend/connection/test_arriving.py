"""A message on its way in: what is held for it is what it takes."""

import tracemalloc

from frontend.connection.arriving import Arriving
from tests.frontend.fakes import budget


def test_a_message_in_the_smallest_of_fragments_takes_no_more_than_is_held_for_it() -> None:
    held = budget()
    arriving = Arriving("binary", held, 1 << 20)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20_000):
            arriving.add(bytes((1, 2)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held.used_bytes == 40_000
    assert taken - before < 1.25 * held.used_bytes
    message = arriving.complete()
    assert message.content == b"\1\2" * 20_000
    message.close()
    assert held.used_bytes == 0
