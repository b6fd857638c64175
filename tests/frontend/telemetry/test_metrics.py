"""What is counted, and that no client makes the counting itself too large."""

import pytest

from frontend.telemetry.joining import Joined
from frontend.telemetry.metrics import MOST_MACHINES, Metrics, RequestEnded


def ended(machine: str, status: str = "success", **more: float) -> RequestEnded:
    return RequestEnded(machine, "transcribe", status, **more)  # type: ignore[arg-type]


def test_a_request_counts_under_its_machine_with_its_audio() -> None:
    metrics = Metrics()
    metrics.count(ended("a", audio_seconds=4.0, postprocess_seconds=0.5), 1.0)
    metrics.count(ended("a", "error"), 1.0)
    metrics.count(ended("b", audio_seconds=2.0), 1.0)
    assert metrics.value("asr_requests_total", {"machine_id": "a"}) == 2
    assert metrics.value("asr_requests_total", {"status": "success"}) == 2
    assert metrics.value("asr_audio_seconds_total") == 6
    assert metrics.value("asr_processing_seconds_count") == 2
    assert metrics.value("asr_postprocess_seconds_count") == 1


def test_machines_beyond_the_bound_are_others() -> None:
    metrics = Metrics()
    for number in range(MOST_MACHINES + 5):
        metrics.count(ended(f"machine {number}"), 1.0)
    metrics.count(ended("machine 0"), 1.0)
    assert metrics.value("asr_requests_total", {"machine_id": "other"}) == 5
    assert metrics.value("asr_requests_total", {"machine_id": "machine 0"}) == 2


def test_who_has_no_key_fills_a_quarter_of_the_room_at_most() -> None:
    metrics = Metrics()
    for number in range(MOST_MACHINES):
        metrics.count(ended(f"invented {number}", "unauthorized"), 1.0)
    assert metrics.value("asr_requests_total", {"machine_id": "other"}) == MOST_MACHINES * 3 // 4
    metrics.count(ended("mine"), 1.0)
    assert metrics.value("asr_requests_total", {"machine_id": "mine"}) == 1


def test_a_detection_counts_while_it_runs_also_where_it_fails() -> None:
    metrics = Metrics()
    with metrics.detection():
        assert metrics.value("gateway_language_detections") == 1
    with pytest.raises(ZeroDivisionError), metrics.detection():
        _ = 1 / 0
    assert metrics.value("gateway_language_detections") == 0


def test_a_sample_that_nobody_counted_is_nothing() -> None:
    assert Metrics().value("gateway_errors_total", {"protocol": "live"}) == 0


def test_the_process_itself_is_shown() -> None:
    metrics = Metrics()
    assert metrics.value("gateway_resident_memory_bytes") > 1 << 20
    assert metrics.value("gateway_cpu_seconds") > 0
    assert b"gateway_resident_memory_bytes " in Joined([metrics.snapshot()]).rendered()
