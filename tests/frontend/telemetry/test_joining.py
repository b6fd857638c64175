"""What several processes counted, as one."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from frontend.telemetry.joining import MOST_NAMES, OTHER, Joined
from frontend.telemetry.metrics import Metrics, RequestEnded


def counted(connections: int, replies: int = 0) -> Metrics:
    metrics = Metrics()
    metrics.accepted.labels("live").inc(connections)
    metrics.connections.labels("live").set(connections)
    for _ in range(replies):
        metrics.reply_seconds.of("live").observe(0.02)
    return metrics


def joined(*metrics: Metrics) -> Joined:
    return Joined([each.snapshot() for each in metrics])


def test_counters_histograms_and_gauges_are_summed() -> None:
    both = joined(counted(3, replies=2), counted(4, replies=5))
    assert both.value("gateway_accepted_total") == 7
    assert both.value("gateway_connections", {"protocol": "live"}) == 7
    assert both.value("gateway_reply_seconds_count") == 7
    assert both.value("gateway_reply_seconds_sum") == pytest.approx(0.14)
    assert both.value("gateway_reply_seconds_bucket", {"le": "0.01"}) == 0
    assert both.value("gateway_reply_seconds_bucket", {"le": "0.02"}) == 7
    assert both.value("gateway_workers") == 2


def test_series_that_one_process_alone_has_are_there() -> None:
    one, other = Metrics(), Metrics()
    one.errors.labels("live", "audio").inc()
    other.errors.labels("live", "limit").inc(2)
    both = joined(one, other)
    assert both.value("gateway_errors_total", {"code": "audio"}) == 1
    assert both.value("gateway_errors_total", {"code": "limit"}) == 2
    assert both.value("gateway_errors_total") == 3


def test_a_model_is_ready_where_it_is_for_every_process() -> None:
    one, other = Metrics(), Metrics()
    one.model_ready.labels("vad").set(1)
    other.model_ready.labels("vad").set(0)
    one.model_ready.labels("asr").set(1)
    other.model_ready.labels("asr").set(1)
    both = joined(one, other)
    assert both.value("gateway_model_ready", {"model": "vad"}) == 0
    assert both.value("gateway_model_ready", {"model": "asr"}) == 1


def test_what_has_ended_keeps_what_only_grows() -> None:
    ended = joined(counted(3, replies=2), counted(4)).of_ended()
    after = Joined([ended, counted(1, replies=1).snapshot()])
    assert after.value("gateway_accepted_total") == 8
    assert after.value("gateway_reply_seconds_count") == 3
    assert after.value("gateway_connections") == 1, "its connections are gone"
    assert after.value("gateway_workers") == 1
    assert after.value("gateway_cpu_seconds") > Joined([ended]).value("gateway_cpu_seconds") > 0
    assert Joined([Joined([ended]).of_ended()]).value("gateway_accepted_total") == 7, "it may be kept again and again"


def lifetime(number: int) -> Metrics:
    """Of a worker, with names that no other has had."""
    metrics = Metrics()
    for each in range(20):
        metrics.count(RequestEnded(f"machine {number} {each}", "transcribe", "success", 0.5, 0.25), 0.125)
        metrics.count(RequestEnded("always there", "translate", "error"), 0.0)
        metrics.limited.labels("streams", f"key {number} {each}").inc()
    metrics.limited.labels("streams", "").inc(3)
    return metrics


def test_names_of_processes_that_have_ended_do_not_pile_up_and_none_is_lost() -> None:
    lifetimes = [lifetime(number).snapshot() for number in range(12)]
    ended, lengths = Joined([]).of_ended(), []
    for each in lifetimes:
        ended = Joined([ended, each]).of_ended()
        lengths.append(len(ended))
    assert max(lengths[5:]) < lengths[5] * 1.1, "it has as many series as before"
    kept, everything = Joined([ended]), Joined(lifetimes)
    samples = [each for family in kept.collect() for each in family.samples]
    for label, most in MOST_NAMES.items():
        names = {each.labels[label] for each in samples if label in each.labels} - {""}
        assert len(names) == most + 1
        assert OTHER in names
    for name, bounds in {(each.name, each.labels.get("le")) for each in samples if "cpu" not in each.name}:
        of = {} if bounds is None else {"le": bounds}
        assert kept.value(name, of) == everything.value(name, of)
    for of in ({"machine_id": "always there"}, {"task": "transcribe"}, {"machine_id": "machine 0 0"}):
        assert kept.value("asr_requests_total", of) == everything.value("asr_requests_total", of) > 0
    assert kept.value("asr_requests_total", {"machine_id": OTHER, "status": "success"}) == 12 * 20 - (32 - 1)
    assert kept.value("gateway_limited_total", {"key": ""}) == 12 * 3


def test_names_that_strangers_invented_leave_room_for_the_machines_of_later_processes() -> None:
    ended = Joined([]).of_ended()
    for number in range(8):
        strangers = Metrics()
        for each in range(8):
            strangers.count(RequestEnded(f"invented {number} {each}", "transcribe", "unauthorized"), 0.0)
        ended = Joined([ended, strangers.snapshot()]).of_ended()
    mine = Metrics()
    mine.count(RequestEnded("mine", "transcribe", "success", 1.0), 0.1)
    kept = Joined([Joined([ended, mine.snapshot()]).of_ended()])
    assert kept.value("asr_requests_total", {"machine_id": "mine"}) == 1
    assert kept.value("asr_requests_total") == 8 * 8 + 1
    assert kept.value("asr_requests_total", {"machine_id": OTHER}) >= 8 * 8 - MOST_NAMES["machine_id"] // 4


def test_the_page_is_what_prometheus_reads() -> None:
    one, other = counted(1, replies=1), counted(2, replies=2)
    one.count(RequestEnded('a "machine"\n', "transcribe", "success", 1.0, 0.5), 0.1)
    families = {each.name: each for each in text_string_to_metric_families(joined(one, other).rendered().decode())}
    assert set(families) == {each.name for each in one.registry.collect()}
    assert families["gateway_accepted"].type == "counter"
    assert families["gateway_reply_seconds"].type == "histogram"
    (audio,) = families["asr_audio_seconds"].samples
    assert audio.labels == {"machine_id": 'a "machine"\n', "task": "transcribe"}
    buckets = [each for each in families["gateway_reply_seconds"].samples if each.name.endswith("_bucket")]
    assert [each.labels["le"] for each in buckets][-2:] == ["60.0", "+Inf"]
    assert [each.value for each in buckets] == sorted(each.value for each in buckets)


def test_when_each_series_began_takes_no_lines() -> None:
    assert b"_created" not in joined(counted(1, replies=1)).rendered()


def test_detections_are_averaged_over_all() -> None:
    one, other = Metrics(), Metrics()
    one.detection_seconds.extend([1.0, 2.0])
    other.detection_seconds.append(6.0)
    both = joined(one, other)
    assert (both.detections, both.detection_seconds) == (3, 9.0)
    assert joined().detections == 0
