"""What several processes counted, as one."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from frontend.telemetry.joining import Joined
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
