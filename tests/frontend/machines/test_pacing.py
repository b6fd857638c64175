"""How often a stream shows something, by how fast it is answered."""

from frontend.machines.pacing import Pacing, PacingOptions, Stage

OPTIONS = PacingOptions(first_partial_seconds=0.4, opening_seconds=0.2, partial_seconds=0.5)


def is_due(
    pacing: Pacing,
    new_seconds: float,
    *,
    stage: Stage = "open",
    waiting_seconds: float = 0.0,
    final_seconds: float = 6.0,
) -> bool:
    return pacing.is_due(new_seconds, stage=stage, waiting_seconds=waiting_seconds, final_seconds=final_seconds)


def test_an_idle_machine_shows_something_every_half_second_and_sooner_at_first() -> None:
    pacing = Pacing(OPTIONS)
    pacing.observe(0.02, alone=False)
    assert not is_due(pacing, 0.45)
    assert is_due(pacing, 0.5)
    assert is_due(pacing, 0.45, stage="begun")
    assert not is_due(pacing, 0.3, stage="begun")


def test_until_something_is_shown_it_is_tried_more_often_and_less_patiently() -> None:
    pacing = Pacing(OPTIONS)
    assert is_due(pacing, 0.2, stage="opening")
    pacing.observe(0.3, alone=False)
    assert not is_due(pacing, 0.5, stage="opening")
    assert is_due(pacing, 0.6, stage="opening")
    assert not is_due(pacing, 0.6)


def test_where_no_other_stream_waits_it_is_tried_again_as_soon_as_the_last_try_is_answered() -> None:
    pacing = Pacing(OPTIONS)
    pacing.observe(0.3, alone=True)
    assert not is_due(pacing, 0.25, stage="opening")
    assert is_due(pacing, 0.3, stage="opening")
    assert is_due(pacing, 0.4, stage="begun")
    assert not is_due(pacing, 0.9), "what is shown already goes on as before"
    pacing.observe(0.3, alone=False)
    assert not is_due(pacing, 0.3, stage="opening")


def test_slower_answers_make_partials_rarer() -> None:
    pacing = Pacing(OPTIONS)
    pacing.observe(0.3, alone=False)
    assert not is_due(pacing, 1.7)
    assert is_due(pacing, 1.9)


def test_a_slow_model_is_no_load() -> None:
    pacing = Pacing(OPTIONS)
    pacing.observe(0.9, alone=True)
    assert not is_due(pacing, 0.9)
    assert is_due(pacing, 1.0)
    assert not is_due(pacing, 1.0, waiting_seconds=2.0)
    pacing.observe(1.4, alone=False)
    assert not is_due(pacing, 60.0)


def test_a_final_does_not_wait_for_a_partial_that_would_not_be_there_by_then() -> None:
    pacing = Pacing(OPTIONS)
    pacing.observe(0.3, alone=False)
    assert not is_due(pacing, 1.9, final_seconds=0.2)
    assert is_due(pacing, 1.9, final_seconds=0.4)


def test_partials_stop_when_answers_are_late_or_audio_waits() -> None:
    late, behind = Pacing(OPTIONS), Pacing(OPTIONS)
    late.observe(2.0, alone=False)
    assert not is_due(late, 60.0)
    assert not is_due(behind, 60.0, waiting_seconds=2.0)
    assert late.stopped
    assert behind.stopped


def test_they_come_back_only_when_the_load_is_well_gone() -> None:
    pacing = Pacing(OPTIONS)
    pacing.observe(1.5, alone=False)
    assert not is_due(pacing, 60.0)
    pacing.observe(0.5, alone=False)
    assert not is_due(pacing, 60.0), "1.0 s on average is still too much"
    pacing.observe(0.5, alone=False)
    assert is_due(pacing, 60.0)
