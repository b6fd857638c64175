"""A recording that is too long for one message is uploaded as it is, against a scripted server."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile
from aiohttp import web

from frontend.client.recording import Recording
from tests.frontend.client.scripted import listening, run
from tests.sounds import wav

LONG_SECONDS = 2100
SEGMENTS = ((" Good morning.", 0.5, 1.5), (" Good night.", 2000.0, 2001.0))
DONE = {"type": "transcript.text.done", "text": "Good morning. Good night.", "languages": ["en"]}


@pytest.fixture(scope="module")
def podcast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("podcast") / "podcast.flac"
    path.write_bytes(wav(np.zeros(LONG_SECONDS * 16_000, np.int16), container="FLAC"))
    return path


@dataclass
class Uploads:
    """What is answered, and what was asked."""

    answer: bytes
    kind: str = "text/event-stream"
    status: int = 200
    forms: list[dict[str, str | bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        form = await request.post()
        found: dict[str, str | bytes] = {"path": request.path, "key": request.headers.get("key", "")}
        for name, value in form.items():
            found[name] = value.file.read() if isinstance(value, web.FileField) else str(value)
        self.forms.append(found)
        return web.Response(body=self.answer, content_type=self.kind, status=self.status)


@contextlib.asynccontextmanager
async def serving(uploads: Uploads) -> AsyncIterator[int]:
    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "mine"}, {"id": "other"}]})

    app = web.Application(client_max_size=2**26)
    app.add_routes([web.get("/v1/models", models), web.post("/v1/audio/{task}", uploads.take)])
    async with listening(app) as port:
        yield port


def events(*told: object) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in told)


def segments() -> list[object]:
    told: list[object] = []
    for text, start, end in SEGMENTS:
        told.append({"type": "transcript.text.delta", "delta": text if told else text.strip()})
        told.append({"type": "transcript.text.segment", "text": text.strip(), "start": start, "end": end})
    return told


async def test_its_text_and_subtitles_come_out_of_the_events(podcast: Path, tmp_path: Path) -> None:
    uploads = Uploads(events(*segments(), DONE))
    async with serving(uploads) as port:
        folders = ("--srt-dir", tmp_path, "--txt-dir", tmp_path)
        ran = await run("transcribe", podcast, *folders, "--port", port, "--key", "k")
        alone = await run("transcribe", podcast, "--port", port, "--language", "auto")
    assert (ran.status, ran.errors) == (0, "1 transcribed, 0 were there already, 0 failed\n")
    assert (tmp_path / "podcast.txt").read_text() == "Good morning. Good night.\n"
    assert "\n00:33:20,000 --> 00:33:21,000\nGood night.\n" in (tmp_path / "podcast.srt").read_text()
    assert (alone.status, alone.output) == (0, "Good morning. Good night.\n")
    asked = {"path": "/v1/audio/transcriptions", "model": "mine", "response_format": "verbose_json", "stream": "true"}
    for form in uploads.forms:
        assert form.pop("file") == (await asyncio.to_thread(podcast.read_bytes))
    assert uploads.forms == [asked | {"key": "k", "language": "en"}, asked | {"key": ""}]


async def test_one_whose_container_does_not_know_how_long_it_is_is_uploaded_too(tmp_path: Path) -> None:
    path = tmp_path / "podcast.flac"
    flac = bytearray(wav(np.zeros(LONG_SECONDS * 16_000, np.int16), container="FLAC"))
    flac[21:26] = bytes([flac[21] & 0xF0, 0, 0, 0, 0])  # as encoders leave it that write to a pipe
    path.write_bytes(flac)
    assert Recording(path).seconds() is None
    uploads = Uploads(events(*segments(), DONE))
    async with serving(uploads) as port:
        ran = await run("transcribe", path, "--port", port)
    assert (ran.status, ran.output, len(uploads.forms)) == (0, "Good morning. Good night.\n", 1)


async def test_a_translation_comes_in_one(podcast: Path, tmp_path: Path) -> None:
    told = {"task": "translate", "language": "english", "text": "Good night.", "segments": []}
    uploads = Uploads(json.dumps(told).encode(), "application/json")
    async with serving(uploads) as port:
        ran = await run("transcribe", podcast, "--port", port, "--task", "translate")
        folder = await run("transcribe", podcast, "--port", port, "--task", "translate", "--json-dir", tmp_path)
    assert (ran.status, ran.output, folder.status) == (0, "Good night.\n", 0)
    assert json.loads((tmp_path / "podcast.json").read_text())["language"] == "en"
    assert (uploads.forms[0]["path"], "stream" in uploads.forms[0]) == ("/v1/audio/translations", False)


async def test_a_long_wav_is_made_smaller_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-99, 99, LONG_SECONDS * 16_000).astype(np.int16)
    path = tmp_path / "podcast.wav"
    path.write_bytes(wav(samples))
    uploads = Uploads(events(*segments(), DONE))
    async with serving(uploads) as port:
        ran = await run("transcribe", path, "--port", port)
    assert (ran.status, ran.output) == (0, "Good morning. Good night.\n")
    sent = uploads.forms[0]["file"]
    assert isinstance(sent, bytes)
    assert len(sent) < 0.7 * len(samples.tobytes())
    assert np.array_equal(soundfile.read(io.BytesIO(sent), dtype="int16")[0], samples)


@pytest.mark.parametrize(
    ("uploads", "words"),
    [
        (Uploads(events(*segments(), {"error": {"message": "the models are gone"}})), "the models are gone"),
        (Uploads(events(*segments())), "the server ended the transcript unfinished"),
        (
            Uploads(b'{"error": {"message": "too large", "code": "limit"}}', "application/json", 413),
            "POST /v1/audio/transcriptions: status 413, too large",
        ),
    ],
)
async def test_what_fails_is_one_line(podcast: Path, uploads: Uploads, words: str) -> None:
    async with serving(uploads) as port:
        ran = await run("transcribe", podcast, "--port", port)
    assert (ran.status, ran.output, ran.errors) == (1, "", f"transcribe: {words}\n")


async def test_a_correction_is_not_promised_for_it(podcast: Path) -> None:
    ran = await run("transcribe", podcast, "--postprocess")
    assert ran.status == 2
    assert "too long to be corrected" in ran.errors
