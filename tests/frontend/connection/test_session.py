"""The session with scripted clients: order, bounds, failures of models, and ends."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frontend.config import settings
from frontend.dialogue.commands import Command
from frontend.dialogue.messages import Message, RawMessage
from frontend.protocols.endpoint import SpeechEndpoint
from frontend.protocols.live import LiveTranscription
from frontend.protocols.summary import SpeechSummaryStream
from frontend.protocols.transcribe import Transcribe
from frontend.protocols.verify import VoiceVerifyStream
from frontend.voice_template import save
from tests.frontend.conversations import Conversation, talking
from tests.frontend.fakes import VOICE, spoken
from tests.sounds import tone, wav

LOUD = tone(200, 0.512, 16000).tobytes()
QUIET = bytes(len(LOUD))
ENDPOINT_PARAMETERS = ("64", "320", "16000")


async def test_parameters_then_audio_get_one_answer_each(tmp_path: Path) -> None:
    talk = Conversation(SpeechEndpoint, tmp_path)
    answers = await talk.say(*ENDPOINT_PARAMETERS, LOUD, QUIET, b"", LOUD)
    assert answers == ["200", "200", "200", "false", "true", "true", "true"]
    await talk.leave()
    assert talk.socket.closed == (1000, "")
    assert talk.held.used_bytes == 0


async def test_an_error_never_overtakes_the_answers_before_it(tmp_path: Path) -> None:
    talk = Conversation(SpeechEndpoint, tmp_path)
    answers = await talk.say(*ENDPOINT_PARAMETERS, LOUD, "late", QUIET, LOUD, "late")
    assert answers[3:] == ["false", "500", "true", "true", "500"]
    await talk.leave()


async def test_waiting_messages_share_a_call_and_are_answered_one_by_one(tmp_path: Path) -> None:
    talk = Conversation(SpeechEndpoint, tmp_path)
    await talk.say(*ENDPOINT_PARAMETERS)
    assert len(await talk.say(*[LOUD[:3200]] * 40)) == 40
    assert sum(talk.speech.windows_asked) == 40 * 1600 // 512
    assert len(talk.speech.windows_asked) < 10
    await talk.leave()


async def test_models_that_do_not_answer_cost_that_message_and_no_audio(tmp_path: Path) -> None:
    talk, undisturbed = (Conversation(SpeechSummaryStream, tmp_path) for _ in range(2))
    await talk.say("16000", LOUD)
    talk.speech.failing = 1
    assert await talk.say(QUIET) == ["500"]
    summary = json.loads((await talk.say(LOUD))[0])
    assert summary == json.loads((await undisturbed.say("16000", LOUD, QUIET, LOUD))[-1])
    for each in (talk, undisturbed):
        await each.leave()


async def test_a_verification_that_failed_comes_with_the_next_message(tmp_path: Path) -> None:
    talk = Conversation(VoiceVerifyStream, tmp_path)
    template = save(VOICE)
    await talk.say(template, "16000", "3")
    assert await talk.say(LOUD * 5) == ["[]"]
    talk.speech.failing = 1
    assert await talk.say(LOUD) == ["500"]
    (answer,) = await talk.say(b"")
    assert [each["audio_interval"]["end_sample"] for each in json.loads(answer)] == [48000]
    assert json.loads(answer)[0]["verify_result"]["score"] == pytest.approx(1)
    await talk.leave()


async def test_a_client_that_reads_nothing_is_hung_up_on_at_the_bound_with_a_reason(tmp_path: Path) -> None:
    talk = Conversation(SpeechEndpoint, tmp_path, outbox_bytes=20_000)
    talk.socket.reading.clear()
    for _ in range(200):
        talk.socket.incoming.put_nowait("nonsense")
    await talk.task
    assert talk.socket.closed == (1013, "too many replies wait to be read")
    assert talk.held.used_bytes == 0


async def test_a_client_that_never_reads_its_last_answers_does_not_stay(tmp_path: Path) -> None:
    limits = settings.Limits(farewell_seconds=0.05)
    talk = Conversation(LiveTranscription, tmp_path, options=settings.Settings(limits=limits))
    talk.socket.reading.clear()
    talk.send("eof")
    await asyncio.wait_for(talk.task, 10)
    assert talk.socket.closed == (1013, "the last answers were not read")
    assert talk.held.used_bytes == 0


async def test_everything_is_answered_to_a_client_that_reads_late(tmp_path: Path) -> None:
    talk = Conversation(SpeechSummaryStream, tmp_path)
    talk.socket.reading.clear()
    messages: list[str | bytes] = ["16000", *[LOUD[:3200]] * 500]
    for message in messages:
        talk.socket.incoming.put_nowait(message)
    await talk.speech.until_asked(1562)
    talk.socket.reading.set()
    answers = await talk.socket.until_sent(501)
    totals = [json.loads(answer)["current_speech_summary"]["total_length"] for answer in answers[1:]]
    assert totals == [pytest.approx(0.1 * number) for number in range(1, 501)]
    await talk.leave()


async def test_a_message_over_the_limit_is_refused_after_the_answers_before_it(tmp_path: Path) -> None:
    talk = Conversation(SpeechEndpoint, tmp_path)
    messages: list[str | bytes] = [*ENDPOINT_PARAMETERS, LOUD, bytes((1 << 20) + 1), LOUD, "late"]
    for message in messages:
        talk.socket.incoming.put_nowait(message)
    await talk.task
    assert talk.socket.sent == ["200", "200", "200", "false"]
    assert talk.socket.closed == (1009, "the message is larger than 1048576 bytes")


async def test_a_message_of_exactly_the_limit_is_taken(tmp_path: Path) -> None:
    talk = Conversation(SpeechSummaryStream, tmp_path)
    answers = await talk.say("16000", bytes(1 << 20))
    assert json.loads(answers[1])["current_speech_summary"]["total_length"] == pytest.approx((1 << 19) / 16000)
    await talk.leave()


async def test_models_that_never_answer_again_end_the_stream_with_a_reason(tmp_path: Path) -> None:
    talk = Conversation(SpeechSummaryStream, tmp_path)
    talk.speech.failing = 1_000_000
    talk.socket.incoming.put_nowait("8000")
    for _ in range(10):  # five minutes and more
        talk.socket.incoming.put_nowait(bytes(1 << 20))
    await talk.task
    assert talk.socket.closed == (1013, "the models have not answered for too long")
    assert talk.held.used_bytes == 0


async def test_windows_do_not_pile_up_for_a_model_that_never_compares_them(tmp_path: Path) -> None:
    talk = Conversation(VoiceVerifyStream, tmp_path)
    talk.speech.knows_voices = False
    await talk.say(save(VOICE), "16000", "3")
    for _ in range(120):  # a window of 3 s comes each second
        talk.socket.incoming.put_nowait(tone(200, 1.0, 16000).tobytes())
    await talk.task
    assert talk.socket.closed == (1013, "the models have not answered for too long")
    assert set(talk.socket.sent[6:]) == {"500"}


async def test_what_was_decided_before_the_models_failed_is_not_asked_again(tmp_path: Path) -> None:
    talk = Conversation(SpeechSummaryStream, tmp_path)
    await talk.say("16000", LOUD * 10)
    talk.speech.failing = 1
    answers = await talk.say(LOUD * 10, b"")
    assert answers[0] == "500"
    assert json.loads(answers[1])["speech_length"] == pytest.approx(0.512 * 20, abs=0.1)
    assert sum(talk.speech.windows_asked) == 16 * 20
    await talk.leave()


async def test_a_flood_leaves_the_loop_to_others(tmp_path: Path) -> None:
    """Between two turns of the event loop only a few messages are handled, however many wait."""
    talk = Conversation(SpeechEndpoint, tmp_path)
    await talk.say(*ENDPOINT_PARAMETERS)
    for _ in range(2000):
        talk.socket.incoming.put_nowait(b"")
    most, handled = 0, talk.socket.incoming.qsize()
    while talk.socket.incoming.qsize():
        await asyncio.sleep(0)
        most, handled = max(most, handled - talk.socket.incoming.qsize()), talk.socket.incoming.qsize()
    assert 0 < most <= 16
    await talk.socket.until_sent(2003)
    await talk.leave()


async def test_draining_answers_what_has_arrived_and_says_goodbye(tmp_path: Path) -> None:
    talk = Conversation(SpeechEndpoint, tmp_path)
    await talk.say(*ENDPOINT_PARAMETERS)
    for _ in range(5):
        talk.socket.incoming.put_nowait(LOUD)
    await talk.socket.until_sent(4)
    await talk.session.drain(5)
    await talk.task
    assert len(talk.socket.sent) == 8
    assert talk.socket.closed == (1001, "the gateway is going away")


async def test_a_cancelled_session_says_that_the_gateway_goes(tmp_path: Path) -> None:
    talk = Conversation(SpeechEndpoint, tmp_path)
    await talk.say("100")
    talk.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await talk.task
    assert talk.socket.closed == (1001, "the gateway is going away")


class Broken(SpeechEndpoint):
    """A protocol with a defect."""

    def receive(self, message: Message) -> Iterator[Command]:
        raise RuntimeError("a template: secret")


async def test_a_defect_ends_one_connection_politely(tmp_path: Path, caplog: Any) -> None:
    talk = Conversation(Broken, tmp_path)
    talk.socket.incoming.put_nowait("x")
    await talk.task
    assert talk.socket.closed == (1011, "internal error")
    assert "secret" not in caplog.text


async def test_work_that_fails_unexpectedly_is_answered_and_then_hung_up(tmp_path: Path, caplog: Any) -> None:
    """Behind messages that nobody will answer any more, the client learns of it at once."""
    talk = Conversation(SpeechSummaryStream, tmp_path)
    talk.speech.failing, talk.speech.failure = 1, RuntimeError("a template: secret")
    talk.send("16000", LOUD, LOUD, LOUD, "late")
    async with asyncio.timeout(10):
        await talk.task
    assert talk.socket.sent == ["200", "500"]
    assert talk.socket.closed == (1011, "internal error")
    assert talk.held.used_bytes == 0
    assert "secret" not in caplog.text


async def test_a_job_that_fails_unexpectedly_costs_its_message_alone(tmp_path: Path, caplog: Any) -> None:
    async with talking(Transcribe, tmp_path) as talk:
        talk.speech.failing, talk.speech.failure = 1, RuntimeError("a transcript: secret")
        recording = wav(spoken((0.2, 0.8), seconds=1.2))
        for _ in range(2):
            talk.send('{"type": "transcribe"}', recording)
        first, second = await talk.hear(2)
        assert first == {"error": "internal error"}
        assert second["text"] == "word0"
        assert "secret" not in caplog.text


async def test_a_text_that_is_not_utf_8_ends_the_connection_with_1007(tmp_path: Path) -> None:
    talk = Conversation(SpeechEndpoint, tmp_path)
    talk.socket.incoming.put_nowait(RawMessage("text", b"\xff\xfe", 2, talk.held.lease(2)))
    await talk.task
    assert talk.socket.closed == (1007, "a text message is not UTF-8")
    assert talk.held.used_bytes == 0
