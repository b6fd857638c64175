"""What the parent and a worker say to each other, with open files."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from frontend.workers.line import Line, Said, Word


@pytest.fixture
def ends() -> Iterator[tuple[Line, Line]]:
    line, its = Line.pair()
    other = Line(its)
    yield line, other
    line.close()
    other.close()


async def test_messages_arrive_whole_and_in_order(ends: tuple[Line, Line]) -> None:
    one, other = ends
    for number in range(50):
        one.say(Said(Word.BEGIN, {"number": number, "text": "ü" * number}))
    for number in range(50):
        said = await other.hear()
        assert said == Said(Word.BEGIN, {"number": number, "text": "ü" * number}, [])


async def test_who_listens_waits_for_the_next_message(ends: tuple[Line, Line]) -> None:
    one, other = ends
    hearing = asyncio.create_task(other.hear())
    await asyncio.sleep(0)
    assert not hearing.done()
    one.say(Said(Word.INHERIT))
    said = await hearing
    assert said is not None
    assert said.what is Word.INHERIT


async def test_files_travel_with_their_message_and_are_not_the_childrens(ends: tuple[Line, Line]) -> None:
    one, other = ends
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as another:
        one.say(Said(Word.BEGIN, {}, [listener.fileno(), another.fileno()]))
        said = await other.hear()
        assert said is not None
        number, second = said.files
        assert not os.get_inheritable(number)
        os.close(second)
        with socket.socket(fileno=number) as same:
            assert same.getsockname() == listener.getsockname()


async def test_what_is_too_long_for_a_message_travels_in_a_file(ends: tuple[Line, Line]) -> None:
    one, other = ends
    one.say_at_length(Word.FIGURES, b"0123456789" * 100_000)
    said = await other.hear()
    assert said is not None
    assert said.content() == b"0123456789" * 100_000
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(said.files[0])


async def test_last_words_arrive_before_the_end(ends: tuple[Line, Line]) -> None:
    one, other = ends
    one.say_at_length(Word.FIGURES, b"last words")
    one.close()
    said = await other.hear()
    assert said is not None
    assert said.content() == b"last words"
    assert await other.hear() is None
    with pytest.raises(OSError, match="Broken pipe"):
        other.say(Said(Word.INHERIT))


async def test_one_that_never_listens_does_not_stop_the_other(ends: tuple[Line, Line]) -> None:
    one, other = ends
    with pytest.raises(BlockingIOError):
        say_too_much(one)
    assert await other.hear() == Said(Word.TELL_FIGURES, {}, [])


async def test_whether_the_other_end_takes_more_is_known_before(ends: tuple[Line, Line]) -> None:
    one, other = ends
    assert one.has_room
    with pytest.raises(BlockingIOError):
        say_too_much(one)
    assert not one.has_room
    while not one.has_room:
        await other.hear()
    other.close()
    assert not one.has_room


async def test_a_message_whose_files_there_is_no_room_for_is_passed_over(
    ends: tuple[Line, Line], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = ends
    one.say_at_length(Word.FIGURES, b"lost")
    one.say(Said(Word.INHERIT))
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        said = await other.hear()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    assert said == Said(Word.INHERIT, {}, [])
    assert "too few open files" in caplog.text


def say_too_much(line: Line) -> None:
    for _ in range(100_000):
        line.say(Said(Word.TELL_FIGURES))
