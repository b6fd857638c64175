"""How the summary of a stream is told."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from frontend.dialogue.commands import Reply
from frontend.dialogue.events import SpeechSummarised
from frontend.machines.summary import FRAME_MS, Summariser
from frontend.protocols.summary import SpeechSummaryStream
from tests.frontend.conversations import context


def told(decisions: Sequence[bool], samples: int) -> Any:
    """Of a stream of 16 kHz, as the client reads it."""
    summary = Summariser(16_000, delay_samples=0).feed(decisions, samples)
    (reply,) = SpeechSummaryStream(context()).send(SpeechSummarised(summary))
    assert isinstance(reply, Reply)
    return json.loads(reply.text.encode())


def test_a_summary_has_the_names_that_clients_know() -> None:
    summary = told([True] * 32, 16_000)
    assert list(summary) == ["current_background_length", "speech_length", "current_speech_summary"]
    inner = summary["current_speech_summary"]
    assert list(inner) == ["background_length", "speech_signal_length", "total_length", "vad_result"]
    assert inner["total_length"] == 1.0
    assert inner["speech_signal_length"] == summary["speech_length"]
    assert inner["vad_result"]["frame_length_ms"] == FRAME_MS
    flags = inner["vad_result"]["frames"]
    assert sum(flags) * FRAME_MS / 1000 == pytest.approx(summary["speech_length"])
    assert len(flags) == 33


def test_a_stream_without_a_frame_has_an_empty_list() -> None:
    assert told([], 0)["current_speech_summary"]["vad_result"]["frames"] == []
