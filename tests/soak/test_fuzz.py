"""A few inputs to everything that reads what others wrote; `make soak SOAK=fuzz` tries a hundred thousand."""

from collections.abc import Iterator

import pytest

from tests.soak.fuzz.house import House, opened
from tests.soak.fuzz.member import Target, fuzz
from tests.soak.fuzz.parsers import PARSERS, Parser
from tests.soak.fuzz.visits import FIRST, VISITS, attempt

PARSED, SENT = 25, 10


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("house")) as here:
        yield here


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_parser_refuses_in_its_own_words_or_understands(parser: Parser) -> None:
    assert fuzz(Target(parser.name, parser.inputs, parser.attempt), PARSED, 0).faults == []


def test_whatever_a_client_says_is_answered_and_nothing_of_it_stays(house: House) -> None:
    ways = [Target(name, inputs, lambda visit: house.run(attempt(house, visit))) for name, inputs in VISITS.items()]
    house.run(attempt(house, FIRST))
    for way in ways:
        assert fuzz(way, 1, 0).faults == []
    before = house.left()
    assert [fault for way in ways for fault in fuzz(way, SENT, 1).faults] == []
    assert house.left().beyond(before) == {}


def test_a_fault_is_found_and_told_by_its_smallest_example() -> None:
    def stumble(value: str) -> None:
        assert len(value) < 3

    parser = next(each for each in PARSERS if each.name == "short JSON texts")
    (fault,) = fuzz(Target("a parser that stumbles", parser.inputs, stumble), 200, 0).faults
    assert "a parser that stumbles: AssertionError" in fault
