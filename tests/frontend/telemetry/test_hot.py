"""The counters without locks say what the library's own would say."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from frontend.telemetry.hot import MessageCounts, ReplyTimes

BOUNDS = (0.001, 0.01, 0.1, 1)


@given(seconds=st.lists(st.sampled_from([0.0, 0.0005, 0.001, 0.0011, 0.05, 0.1, 1.0, 7.0])))
def test_times_are_written_as_a_histogram_of_the_library(seconds: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    times = ReplyTimes(ours, BOUNDS).of("live")
    usual = Histogram(
        "gateway_reply_seconds",
        "From a message's arrival to its reply being ready to send",
        ["protocol"],
        registry=theirs,
        buckets=BOUNDS,
    ).labels("live")
    for each in seconds:
        times.observe(each)
        usual.observe(each)
    written = [line for line in generate_latest(theirs).decode().splitlines() if "_created" not in line]
    assert generate_latest(ours).decode().splitlines() == written


def test_messages_are_counted_by_protocol_and_kind() -> None:
    registry = CollectorRegistry()
    counts = MessageCounts(registry)
    counts.of("live", "binary")[0] += 2
    counts.of("live", "binary")[0] += 1
    counts.of("whisper", "text")[0] += 1
    assert registry.get_sample_value("gateway_messages_total", {"protocol": "live", "kind": "binary"}) == 3
    assert registry.get_sample_value("gateway_messages_total", {"protocol": "whisper", "kind": "text"}) == 1
