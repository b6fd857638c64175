"""OpenAI's audio API, judged by its own Python library."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openai
import pytest
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent

from export.calibration.voices import Voice, speak
from frontend.config.settings import Settings
from frontend.speech import Samples
from tests import foreign
from tests.gateway_server import GatewayAddress
from tests.readings import PARTS, parts
from tests.sounds import wav
from tests.voices import silence

MODEL = "gpt-4o-transcribe"
WORDS = " ".join(PARTS)
KEY = "sk-of-alice"


def client_of(gateway: GatewayAddress, key: str = "any") -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.http("/v1"), api_key=key, max_retries=0)


def spoken_apart(end_seconds: float) -> Samples:
    """Both parts, a long pause between them, and silence at the end."""
    return np.concatenate([parts()[0], silence(1.5), parts()[1], silence(end_seconds)])


def plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))


@pytest.fixture
def client(gateway: GatewayAddress) -> Iterator[openai.OpenAI]:
    with client_of(gateway) as client:
        yield client


@pytest.fixture(scope="module")
def spoken() -> bytes:
    return wav(spoken_apart(0.5))


@pytest.fixture(scope="module")
def file(spoken: bytes) -> tuple[str, bytes]:
    return "spoken.wav", spoken


def test_a_transcript_has_its_words_its_language_and_what_it_used(
    client: openai.OpenAI, file: tuple[str, bytes]
) -> None:
    heard = client.audio.transcriptions.create(file=file, model=MODEL, language="en", temperature=0.2, prompt="A trip.")
    assert plain(heard.text) == WORDS
    assert heard.languages is not None
    assert [each.code for each in heard.languages] == ["en"]
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    assert heard.usage.seconds == pytest.approx(len(file[1]) / 32000, abs=0.01)


def test_every_kind_of_file_is_taken(client: openai.OpenAI, tmp_path: Path) -> None:
    for name in ("spoken.mp3", "spoken.m4a", "spoken.webm"):
        foreign.encode(tmp_path / name, parts()[0])
        with (tmp_path / name).open("rb") as opened:
            heard = client.audio.transcriptions.create(file=opened, model="whisper-1")
        assert plain(heard.text) == PARTS[0]


def test_log_probabilities_are_of_the_words_that_are_told(client: openai.OpenAI, file: tuple[str, bytes]) -> None:
    heard = client.audio.transcriptions.create(file=file, model=MODEL, include=["logprobs"])
    assert heard.logprobs
    assert "".join(each.token or "" for each in heard.logprobs).strip() == heard.text
    assert all(each.logprob is not None and -14 < each.logprob <= 0 for each in heard.logprobs)


def test_a_transcript_is_told_in_every_format(client: openai.OpenAI, file: tuple[str, bytes]) -> None:
    text = client.audio.transcriptions.create(file=file, model=MODEL, response_format="text")
    assert plain(text) == WORDS
    srt = client.audio.transcriptions.create(file=file, model=MODEL, response_format="srt")
    assert re.match(r"1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n\w", srt)
    vtt = client.audio.transcriptions.create(file=file, model=MODEL, response_format="vtt")
    assert re.match(r"WEBVTT\n\n00:00:0\d\.\d{3} --> 00:00:0\d\.\d{3}\n\w", vtt)
    verbose = client.audio.transcriptions.create(
        file=file, model=MODEL, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert (verbose.language, plain(verbose.text)) == ("english", WORDS)
    assert verbose.words
    assert verbose.segments
    assert plain(" ".join(word.word for word in verbose.words)) == WORDS
    assert plain(" ".join(segment.text for segment in verbose.segments)) == WORDS
    assert 0 <= verbose.words[0].start < verbose.words[-1].end < verbose.duration
    assert [segment.id for segment in verbose.segments] == list(range(len(verbose.segments)))


def test_a_verbose_transcript_has_what_was_asked_for_and_segments_where_nothing_was(
    client: openai.OpenAI, file: tuple[str, bytes]
) -> None:
    usual = client.audio.transcriptions.create(file=file, model=MODEL, response_format="verbose_json")
    words = client.audio.transcriptions.create(
        file=file, model=MODEL, response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert (bool(usual.segments), usual.words) == (True, None)
    assert (words.segments, bool(words.words)) == (None, True)


def test_a_stream_tells_each_part_once_and_in_the_end_all_of_it(client: openai.OpenAI, file: tuple[str, bytes]) -> None:
    stream = client.audio.transcriptions.create(
        file=file,
        model=MODEL,
        stream=True,
        include=["logprobs"],
        chunking_strategy={"type": "server_vad", "silence_duration_ms": 400, "threshold": 0.6},
    )
    *deltas, done = list(stream)
    assert len(deltas) >= 2
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert all(isinstance(each, TranscriptionTextDeltaEvent) for each in deltas)
    assert "".join(each.delta for each in deltas if isinstance(each, TranscriptionTextDeltaEvent)) == done.text
    assert plain(done.text) == WORDS
    assert done.logprobs
    assert done.usage is not None


def test_a_recording_in_one_language_is_told_in_english(client: openai.OpenAI) -> None:
    file = ("spoken.wav", wav(speak(Voice("espeak-ng", "Marco"), "buongiorno", "it")))
    with pytest.deprecated_call():  # as the library has it for the one model that can
        assert plain(client.audio.translations.create(file=file, model="whisper-1").text) == "good morning"
        verbose = client.audio.translations.create(file=file, model="whisper-1", response_format="verbose_json")
    assert (verbose.language, bool(verbose.segments)) == ("english", True)


def test_what_a_person_says_in_english_is_english_already(client: openai.OpenAI, file: tuple[str, bytes]) -> None:
    with pytest.deprecated_call():
        assert plain(client.audio.translations.create(file=file, model="whisper-1").text) == WORDS


def test_silence_has_an_empty_transcript(client: openai.OpenAI) -> None:
    heard = client.audio.transcriptions.create(file=("silent.wav", wav(silence(2.0))), model=MODEL)
    assert (heard.text, heard.languages) == ("", [])
    *deltas, done = client.audio.transcriptions.create(file=("a.wav", wav(silence(2.0))), model=MODEL, stream=True)
    assert not deltas
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert done.text == ""


def test_the_models_that_may_be_named_are_those_of_the_settings(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert tuple(names) == Settings().openai.models
    assert client.models.retrieve("whisper-1").id == "whisper-1"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")


def test_a_language_among_several_is_found(client: openai.OpenAI, file: tuple[str, bytes]) -> None:
    heard = client.audio.transcriptions.create(file=file, model=MODEL, languages=["de", "en"])
    assert plain(heard.text) == WORDS


def test_answers_bear_the_id_under_which_the_log_knows_them(client: openai.OpenAI, file: tuple[str, bytes]) -> None:
    with client.audio.transcriptions.with_streaming_response.create(file=file, model=MODEL, stream=True) as response:
        assert re.fullmatch("[0-9a-f]{8}", response.headers["X-Request-Id"])
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
