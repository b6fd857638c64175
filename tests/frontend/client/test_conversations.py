"""What the client sends and shows, protocol by protocol, against scripted servers."""

import base64
import io
import wave
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from tests.frontend.client.scripted import Talk, run, server
from tests.sounds import tone, wav

EXPORT_ID = "0123456789abcdef0123456789abcdef"
OPENING = {"config": {"sample_rate": 16000, "finals_after_eof": True}}
SOUND = tone(440, 1.05, 16000)
FLAC = wav(SOUND, container="FLAC")
WORDS = [
    {"conf": 0.9, "start": 0.1, "end": 0.5, "word": "Grüß"},
    {"conf": 0.8, "start": 0.5, "end": 1.0, "word": "Gott"},
]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "tone.flac"
    path.write_bytes(FLAC)
    return path


async def test_live_sends_all_samples_and_shows_finals_and_the_export(recording: Path, tmp_path: Path) -> None:
    async def script(talk: Talk) -> None:
        assert await talk.hear() == OPENING
        audio, end = await talk.hear_audio_until_text()
        assert audio == SOUND.tobytes()
        assert end == {"eof": 1}
        assert [len(chunk) for chunk in talk.received[1:-1]] == [3200] * 10 + [1600]
        await talk.say({"partial": " Grüß"})
        await talk.say({"result": WORDS, "text": " Grüß Gott"})
        await talk.say(EXPORT_ID)

    srt = tmp_path / "a.srt"
    async with server(script) as port:
        ran = await run("live", recording, "--fast", "--port", port, "--srt", srt)
    assert (ran.status, ran.output, ran.errors) == (0, "Grüß Gott\n", f"export {EXPORT_ID}\n")
    assert srt.read_text() == "1\n00:00:00,100 --> 00:00:01,000\nGrüß Gott\n\n"


async def test_live_is_paced_by_time_unless_it_is_fast(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        assert await talk.hear() == OPENING
        assert isinstance(await talk.hear(), bytes)
        await talk.say({"partial": ""})  # while the client still sends
        await talk.hear_audio_until_text()
        await talk.say(EXPORT_ID)

    async with server(script) as port:
        ran = await run("live", recording, "--port", port, "--json")
    assert (ran.status, ran.output) == (0, f'{{"partial": ""}}\n{EXPORT_ID}\n')


async def test_live_presents_key_and_language_and_fetches_the_export(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        assert talk.headers["key"] == "my key"
        assert await talk.hear() == {"Authorization": "my key"}
        assert await talk.hear() == {"config": {"sample_rate": 16000, "finals_after_eof": True, "language": "de"}}
        await talk.hear_audio_until_text()
        await talk.say({"result": WORDS, "text": " Grüß Gott"})
        await talk.say(EXPORT_ID)

    page = web.Response(text="1\nGrüß Gott\n\n")
    async with server(script, pages={f"/export/transcript/{EXPORT_ID}?format=srt": page}) as port:
        options = ("--key", "my key", "--language", "de", "--transcript-format", "srt")
        ran = await run("live", recording, "--fast", "--port", port, *options)
    assert (ran.status, ran.output) == (0, "1\nGrüß Gott\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ({"error": "unauthorized"}, "live: unauthorized\n"),
        ("control message unknown", "live: not an answer of this protocol: 'control message unknown'\n"),
        ("[1]", "live: not an answer of this protocol: '[1]'\n"),
        ({"result": [{"word": "x"}], "text": ""}, "live: the server sent text without times\n"),
    ],
)
async def test_what_live_cannot_use_ends_it_in_one_line(recording: Path, text: object, words: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.say(text)
        await talk.say(EXPORT_ID)

    async with server(script) as port:
        ran = await run("live", recording, "--fast", "--port", port)
    assert (ran.status, ran.errors) == (1, words)


async def test_a_server_that_hangs_up_is_told_with_its_reason_and_what_was_said_is_kept(
    recording: Path, tmp_path: Path
) -> None:
    async def script(talk: Talk) -> None:
        await talk.say({"result": WORDS, "text": " Grüß Gott"})
        await talk.socket.close(code=1013, message=b"too many \x1b[31mstreams")

    vtt = tmp_path / "a.vtt"
    async with server(script) as port:
        ran = await run("live", recording, "--port", port, "--vtt", vtt)
    assert (ran.status, ran.output) == (1, "Grüß Gott\n")
    assert ran.errors == "live: the server closed the connection with 1013 (too many  [31mstreams), unfinished\n"
    assert vtt.read_text() == "WEBVTT\n\n00:00:00.100 --> 00:00:01.000\nGrüß Gott\n\n"


async def test_an_export_that_is_not_complete_is_an_error_with_its_id(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        await talk.hear()
        await talk.hear_audio_until_text()
        await talk.say(EXPORT_ID)
        await talk.socket.close(code=1013, message=b"the disk is full")

    async with server(script) as port:
        ran = await run("live", recording, "--fast", "--port", port)
    assert ran.status == 1
    assert ran.errors.startswith(
        f"export {EXPORT_ID}\nlive: the server closed the connection with 1013 (the disk is full)"
    )


async def test_transcribe_sends_a_description_and_a_wav(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        described = {"type": "transcribe", "task": "translate", "machine_id": "unknown", "postprocess": False}
        assert await talk.hear() == described | {"language": "bg", "api_key": "k"}
        with wave.open(io.BytesIO(await talk.hear())) as file:
            assert (file.getframerate(), file.getnchannels()) == (16000, 1)
            assert np.array_equal(np.frombuffer(file.readframes(99999), np.int16), SOUND)
        await talk.say({"text": "Hello", "segments": [], "postprocessed_text": "Hello.", "postprocess_error": None})

    async with server(script, "/ws/transcribe") as port:
        options = ("--language", "bg", "--task", "translate", "--key", "k", "--no-postprocess")
        ran = await run("transcribe", recording, "--port", port, *options)
    assert (ran.status, ran.output) == (0, "Hello.\n")


async def test_a_refused_transcription_is_told(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        await talk.hear()
        await talk.hear()
        await talk.say({"error": "unauthorized"})

    async with server(script, "/ws/transcribe") as port:
        ran = await run("transcribe", recording, "--port", port)
    assert ran.status == 1
    assert ran.errors.endswith("\ntranscribe: unauthorized\n")


async def test_whisper_sends_the_files_own_bytes(recording: Path, tmp_path: Path) -> None:
    async def script(talk: Talk) -> None:
        message = await talk.hear()
        assert base64.b64decode(message.pop("audio")) == FLAC
        assert message == {"type": "file", "format": "flac", "language": None}
        segments = [{"start": 0.0, "end": 1.25, "text": "A <b>"}]
        await talk.say({"type": "file_transcript", "text": "A <b>", "segments": segments})

    vtt = tmp_path / "a.vtt"
    async with server(script) as port:
        ran = await run("whisper", recording, "--port", port, "--vtt", vtt)
    assert (ran.status, ran.output) == (0, "A <b>\n")
    assert vtt.read_text() == "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nA &lt;b&gt;\n\n"


@pytest.mark.parametrize(
    ("protocol", "path", "before"), [("whisper", "/", 1), ("transcribe", "/ws/transcribe", 2), ("language", "/ws", 1)]
)
async def test_a_recording_too_large_for_the_server_is_told_in_the_users_own_bytes(
    recording: Path, protocol: str, path: str, before: int
) -> None:
    """Of base64 or a decoded WAV, which the server counts, the user knows nothing."""

    async def script(talk: Talk) -> None:
        for _ in range(before):
            await talk.hear()
        await talk.socket.close(code=1009, message=b"the message is larger than 100 bytes")

    async with server(script, path) as port:
        ran = await run(protocol, recording, "--port", port)
    assert ran.status == 1
    told = f"{protocol}: a recording of {len(FLAC):,} bytes is more than the server takes at once\n"
    sent = f"sent {len(FLAC):,} bytes, waiting for the transcript\n"
    assert ran.errors == (told if protocol == "language" else sent + told)


async def test_whisper_streams_samples_and_stops(recording: Path) -> None:
    async def script(talk: Talk) -> None:
        audio = b""
        while (message := await talk.hear())["type"] == "stream":
            assert message["language"] == "de"
            audio += base64.b64decode(message["audio"])
        assert message == {"type": "stop"}
        assert audio == SOUND.tobytes()
        await talk.say({"type": "transcript", "text": "one", "is_final": False, "language": "de", "duration": 3.0})
        await talk.say({"type": "transcript", "text": "two", "is_final": True, "language": "de"})

    async with server(script) as port:
        ran = await run("whisper", recording, "--stream", "--fast", "--language", "de", "--port", port)
    assert (ran.status, ran.output) == (0, "one\ntwo\n")


async def test_a_short_file_is_sent_decoded_so_that_the_server_has_enough_bytes(recording: Path) -> None:
    assert len(FLAC) < 20_000

    async def script(talk: Talk) -> None:
        assert await talk.hear() == wav(SOUND)  # in one message: the server may decide after the first
        await talk.say({"status": "success", "data": {"language": "de", "confidence": 0.75}})

    async with server(script, "/ws") as port:
        ran = await run("language", recording, "--port", port)
    assert (ran.status, ran.output) == (0, "de 0.75\n")
