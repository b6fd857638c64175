"""What work for a connection holds is counted for as long as it is used."""

import pytest

from frontend.dialogue.services import Services
from frontend.errors import OverloadedError
from tests.frontend.fakes import ScriptedSpeech, budget


def test_what_is_held_is_given_back_also_where_the_work_fails() -> None:
    held = budget()
    services = Services(ScriptedSpeech(), held=held)
    with services.holding(100):
        assert held.used_bytes == 100
    with pytest.raises(ZeroDivisionError), services.holding(100):
        _ = 1 / 0
    assert held.used_bytes == 0


def test_work_for_which_there_is_no_room_does_not_begin() -> None:
    held = budget(99)
    with pytest.raises(OverloadedError), Services(ScriptedSpeech(), held=held).holding(100):
        raise AssertionError
    assert held.used_bytes == 0


def test_where_nothing_is_counted_everything_fits() -> None:
    with Services(ScriptedSpeech()).holding(1 << 60):
        pass
