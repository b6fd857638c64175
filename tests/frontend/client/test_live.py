"""What the client sends and shows of a live transcription, against a scripted server."""

from pathlib import Path

import pytest
from aiohttp import web

from tests.frontend.client.scripted import EXPORT_ID, SOUND, Talk, run, server

OPENING = {"config": {"sample_rate": 16000, "finals_after_eof": True}}
WORDS = [
    {"conf": 0.9, "start": 0.1, "end": 0.5, "word": "Grüß"},
    {"conf": 0.8, "start": 0.5, "end": 1.0, "word": "Gott"},
]


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
        ("Provided api key is invalid", "live: a key is needed: give one that the server knows with --key\n"),
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
