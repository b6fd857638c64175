"""All that waits is held in the budget, whatever it waits for, and nothing is when the conversation is over."""

import asyncio
import base64
import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from frontend.config import settings
from frontend.connection import session
from frontend.dialogue.messages import LARGE_BYTES
from frontend.memory.budget import Budget
from frontend.protocols.summary import SpeechSummaryStream
from frontend.protocols.transcribe import Transcribe
from frontend.protocols.whisper import Whisper
from tests.frontend.conversations import Conversation, talking
from tests.frontend.exporting import wait_for
from tests.frontend.fakes import ScriptedSpeech, budget, spoken
from tests.sounds import wav

MIB = 1 << 20
METADATA = '{"type": "transcribe"}'
RECORDING = wav(spoken((0.2, 0.8), seconds=1.2))


class Silent(ScriptedSpeech):
    """Models that answer when they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def speech_probabilities(self, *arguments: Any) -> Any:
        await self.go_on.wait()
        return await super().speech_probabilities(*arguments)


async def turns(times: int = 200) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def silent_stream(tmp_path: Path, held: Budget, speech: Silent) -> Conversation:
    return Conversation(SpeechSummaryStream, tmp_path, held=held, speech=speech, memory_bytes=4 * MIB)


async def test_audio_that_the_models_have_not_answered_for_is_held(tmp_path: Path) -> None:
    """Of twelve clients, each with 1 MiB; kept for them is at least that."""
    held, speech = budget(), Silent()
    talks = [silent_stream(tmp_path, held, speech) for _ in range(12)]
    for talk in talks:
        talk.send("16000", *[bytes(MIB // 16)] * 16)
    await turns()
    assert held.used_bytes >= 12 * MIB
    speech.go_on.set()
    for talk in talks:
        await talk.socket.until_sent(17)
        await talk.leave()
    assert held.used_bytes == 0


async def test_a_stream_for_which_there_is_no_room_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    held, speech = budget(4 * MIB), Silent()
    talks = [silent_stream(tmp_path, held, speech) for _ in range(5)]
    for talk in talks:
        talk.send("16000", *[bytes(MIB // 16)] * 16)
        await turns()
    refused = [talk for talk in talks if talk.socket.closed is not None]
    assert 0 < len(refused) < 5
    assert {talk.socket.closed for talk in refused} == {(1013, "the gateway's memory is full, try again later")}
    speech.go_on.set()
    for talk in talks:
        if talk not in refused:
            await talk.socket.until_sent(17)
            await talk.leave()
        await talk.task
    assert held.used_bytes == 0


async def test_recordings_behind_one_that_is_worked_on_are_held(tmp_path: Path) -> None:
    held, speech = budget(), Silent()
    async with talking(Transcribe, tmp_path, held=held, speech=speech) as talk:
        recording = wav(spoken((0.2, 0.8), seconds=20))
        assert len(recording) > LARGE_BYTES
        for _ in range(5):
            talk.send(METADATA, recording)
        await turns()
        assert held.used_bytes >= 5 * len(recording)
        speech.go_on.set()
        assert [answer["text"] for answer in await talk.hear(5)] == ["word0"] * 5
    assert held.used_bytes == 0


@pytest.mark.parametrize("waiting", [5, 100])
async def test_a_client_that_leaves_while_its_recordings_wait_leaves_nothing(tmp_path: Path, waiting: int) -> None:
    held = budget()
    talk = Conversation(Transcribe, tmp_path, held=held, speech=Silent())
    for _ in range(waiting):
        talk.send(METADATA, RECORDING)
    await turns()
    assert held.used_bytes >= min(waiting, 64) * len(RECORDING)
    await talk.leave()
    assert held.used_bytes == 0


async def test_more_jobs_than_may_wait_are_all_done_in_their_order(tmp_path: Path) -> None:
    """Those behind are not understood before there is room; none is lost."""
    held, speech = budget(), Silent()
    async with talking(Transcribe, tmp_path, held=held, speech=speech) as talk:
        tasks = ["transcribe", "translate"] * 50
        for task in tasks:
            talk.send({"type": "transcribe", "task": task}, RECORDING)
        jobs = talk.session._conversation.jobs
        # What is behind them waits, and is held.
        await wait_for(lambda: asyncio.sleep(0, jobs.full and held.used_bytes >= 100 * len(RECORDING)))
        assert jobs.held_bytes <= 65 * len(RECORDING)
        speech.go_on.set()
        assert len(await talk.hear(100)) == 100
        assert [decoding.task for decoding in speech.decodings] == tasks


async def test_a_client_far_ahead_of_its_jobs_is_held_back(tmp_path: Path) -> None:
    speech = Silent()
    limits = settings.Limits(inbox_bytes=3 * len(RECORDING))
    async with talking(Transcribe, tmp_path, speech=speech, options=settings.Settings(limits=limits)) as talk:
        for _ in range(80):
            talk.send(METADATA, RECORDING)
        await turns(1000)
        assert talk.socket.incoming.qsize() > 0, "not all is read"
        speech.go_on.set()
        assert len(await talk.hear(80)) == 80


async def test_a_client_that_leaves_while_it_is_held_back_is_worked_for_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_LOOK_SECONDS", 0.01)
    limits = settings.Limits(inbox_bytes=3 * len(RECORDING))
    talk = Conversation(Transcribe, tmp_path, speech=Silent(), options=settings.Settings(limits=limits))
    for _ in range(80):
        talk.send(METADATA, RECORDING)
    await turns(1000)
    assert talk.socket.incoming.qsize() > 0, "it is held back"
    assert not talk.task.done()
    talk.socket.has_left = True
    await asyncio.wait_for(talk.task, 10)
    assert (talk.socket.closed, talk.held.used_bytes) == ((1000, ""), 0)


def media_files() -> int:
    """So many files of clients does this process have open."""
    links = list[str]()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            links.append(os.readlink(link))
    return sum("memfd:media" in link for link in links)


async def test_a_file_in_a_message_that_cannot_be_answered_is_closed(tmp_path: Path) -> None:
    before = media_files()
    talk = Conversation(Whisper, tmp_path, outbox_bytes=200)
    talk.socket.reading.clear()
    for _ in range(3):
        talk.send({"type": "x" * 100, "audio": base64.b64encode(RECORDING).decode()})
    await talk.task
    assert talk.socket.closed == (1013, "too many replies wait to be read")
    assert (talk.held.used_bytes, media_files()) == (0, before)
