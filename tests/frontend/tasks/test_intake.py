"""What holds a message on its way to samples."""

from pathlib import Path

import pytest

from frontend.connection.audio_queue import AudioQueue
from frontend.connection.spool import Spool
from frontend.errors import OverloadedError
from frontend.media.stream import AudioFormat
from frontend.memory.budget import Budget
from frontend.tasks.intake import Intake
from tests.frontend.fakes import budget

MULAW = AudioFormat(8000, "mulaw")


def intake_of(held: Budget, tmp_path: Path) -> Intake:
    return Intake(AudioQueue(held, 1 << 20, Spool(tmp_path, budget())), MULAW)


def test_what_became_of_a_message_is_held_instead_of_it(tmp_path: Path) -> None:
    held = budget()
    intake = intake_of(held, tmp_path)
    assert intake.take_at_once(bytes(1600), held.lease(1600))
    assert held.used_bytes == len(intake.undecided) > 1600
    intake.close()
    assert held.used_bytes == 0


def test_a_message_for_whose_samples_there_is_no_room_stays_its_callers_to_let_go(tmp_path: Path) -> None:
    held = budget(2000)
    intake, lease = intake_of(held, tmp_path), held.lease(1600)
    with pytest.raises(OverloadedError):
        intake.take_at_once(bytes(1600), lease)
    lease.close()
    assert held.used_bytes == len(intake.undecided) == 0
