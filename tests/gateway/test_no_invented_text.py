"""Where nobody speaks nothing is written: not by `asr` asked directly, and through no socket."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import websocket

from export.evaluation.truth import normalised
from frontend.speech import RATE, Samples
from tests.gateway.rest import post
from tests.gateway.test_deepgram import talking
from tests.gateway.test_openai import client_of
from tests.gateway.test_openai_realtime import COMPLETED, encoded, of, send, transcription, until
from tests.gateway.test_openai_realtime import client_of as realtime_client_of
from tests.gateway.test_wyoming import calling, heard, speak
from tests.gateway_server import GatewayAddress
from tests.nonspeech import FORMS, clips
from tests.recogniser import ask, number, text
from tests.sounds import wav
from tests.triton_server import TritonAddress
from tests.voices import BECKETT, person, silence

CLIPS = dict(clips())
Asked = dict[str, str]
ENGLISH: Asked = {"language": "en"}
LANGUAGES: list[Asked] = [ENGLISH, {}]  # what a client says of it; nothing: it is to be found


@contextlib.contextmanager
def connected(url: str) -> Iterator[websocket.WebSocket]:
    connection = websocket.create_connection(url, timeout=120)
    try:
        yield connection
    finally:
        connection.shutdown()


def answers(url: str, messages: Sequence[str | bytes], count: int) -> list[dict[str, Any]]:
    with connected(url) as connection:
        for message in messages:
            (connection.send if isinstance(message, str) else connection.send_binary)(message)
        return [json.loads(connection.recv()) for _ in range(count)]


def as_base64(samples: Samples) -> str:
    return base64.b64encode(samples.tobytes()).decode()


def joined(kind: str = "") -> Samples:
    """All of them, or of one kind, with pauses between."""
    chosen = [clip for name, clip in CLIPS.items() if name.startswith(kind)]
    return np.concatenate([part for clip in chosen for part in (clip, silence(0.7))])


def test_there_are_a_hundred_sounds_and_more() -> None:
    assert len(CLIPS) >= 100
    assert len({clip.tobytes() for clip in CLIPS.values()}) > 100


@pytest.mark.parametrize("language", ["en", "de", ""])
def test_the_recogniser_itself_writes_nothing(triton: TritonAddress, language: str) -> None:
    written = {}
    for name, clip in CLIPS.items():
        answer = ask(triton, AUDIO=clip, LENGTH=number(len(clip)), LANGUAGE=language)
        if text(answer):
            written[name] = text(answer)
    assert not written


def test_some_of_it_is_speech_to_voice_activity_and_nobodys_to_the_recogniser(triton: TritonAddress) -> None:
    answers = [ask(triton, AUDIO=CLIPS[f"gurgle {form}"], LANGUAGE="") for form in range(FORMS)]
    names = ("NO_SPEECH_PROBABILITY", "LANGUAGE_PROBABILITY")
    told = [tuple(float(answer[name][0, 0]) for name in names) for answer in answers]
    # Of what is no speech to voice activity no language is asked for, so none is likely.
    assert any(no_speech == 1 and language > 0 for no_speech, language in told), told
    assert not any(text(answer) for answer in answers)


@pytest.mark.parametrize("language", [ENGLISH, {"language": "auto"}])
def test_a_recording_of_it_has_no_text(gateway: GatewayAddress, language: Asked) -> None:
    asked = json.dumps({"type": "transcribe", **language})
    messages = [message for clip in CLIPS.values() for message in (asked, wav(clip))]
    told = answers(gateway.ws("/ws/transcribe", "transcribe"), messages, len(CLIPS))
    assert {name: answer["text"] for name, answer in zip(CLIPS, told, strict=True) if answer["text"]} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_of_it_has_no_text(gateway: GatewayAddress, language: Asked) -> None:
    messages = [
        json.dumps({"type": "file", "audio": base64.b64encode(wav(clip)).decode(), **language})
        for clip in CLIPS.values()
    ]
    told = answers(gateway.ws("/", "whisper"), messages, len(CLIPS))
    assert {name: answer["text"] for name, answer in zip(CLIPS, told, strict=True) if answer["text"]} == {}


def test_all_of_it_in_one_recording_has_no_text_for_other_products_clients(gateway: GatewayAddress) -> None:
    recording = wav(joined())
    with client_of(gateway) as client:
        file = ("sounds.wav", recording, "audio/wav")
        assert client.audio.transcriptions.create(model="whisper-1", file=file).text == ""
    path = "/v1/listen?model=nova-3&detect_language=true"
    status, body = post(gateway, path, recording, {"Content-Type": "audio/wav"})
    assert status == 200, body
    assert json.loads(body)["results"]["channels"][0]["alternatives"][0]["transcript"] == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stream_of_it_has_no_text(gateway: GatewayAddress, language: Asked) -> None:
    samples = joined()
    parts = [samples[start : start + 3 * RATE] for start in range(0, len(samples), 3 * RATE)]
    messages = [json.dumps({"type": "stream", "audio": as_base64(part), **language}) for part in parts]
    told = answers(gateway.ws("/", "whisper"), [*messages, json.dumps({"type": "stop"})], len(parts))
    assert [answer["text"] for answer in told if answer["text"]] == []
    assert told[-1]["is_final"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_live_it_has_no_text_and_a_person_after_it_does(gateway: GatewayAddress, language: Asked) -> None:
    samples = np.concatenate([joined(), person(), silence(1)])
    with connected(gateway.ws("/", "live")) as connection:
        connection.send(json.dumps({"config": {"finals_after_eof": True, **language}}))
        for start in range(0, len(samples), RATE):
            connection.send_binary(samples[start : start + RATE].tobytes())
        connection.send("eof")
        told = [json.loads(message) for message in iter(connection.recv, "") if str(message).startswith("{")]
    began_seconds = len(joined()) / RATE
    written = [each for each in told if "result" in each]
    assert all(final["result"][0]["start"] >= began_seconds - 0.3 for final in written), written[:3]
    heard = normalised(" ".join(final["text"] for final in written))
    assert heard.split()[:2] == BECKETT.split()[:2]


def vosk(gateway: GatewayAddress, samples: Samples) -> str:
    parts = [samples[start : start + RATE].tobytes() for start in range(0, len(samples), RATE)]
    told = answers(gateway.ws("/vosk"), [*parts, '{"eof": 1}'], len(parts) + 1)
    return " ".join(answer.get("text", "") for answer in told)


def deepgram(gateway: GatewayAddress, samples: Samples, **query: str) -> str:
    with talking(gateway, **query) as talk:
        talk.say(samples)
        talk.connection.send_close_stream()
        talk.until_closed()
    return talk.text


def deepgram_in_many_languages(gateway: GatewayAddress, samples: Samples) -> str:
    return deepgram(gateway, samples, language="multi")


def realtime(gateway: GatewayAddress, samples: Samples) -> str:
    async def conversation() -> str:
        async with (
            realtime_client_of(gateway) as client,
            client.realtime.connect(model="gpt-4o-transcribe") as connection,
        ):
            unnamed = transcription(None, transcription={"model": "gpt-4o-transcribe"})
            await connection.session.update(session=unnamed)
            await send(connection, *encoded(samples))
            await connection.input_audio_buffer.commit()
            return str(of(await until(connection, COMPLETED), COMPLETED)[0].transcript)

    return asyncio.run(conversation())


def wyoming(gateway: GatewayAddress, samples: Samples) -> str:
    async def conversation() -> str:
        async with calling(gateway) as client:
            await speak(client, samples=samples)
            return await heard(client)

    return asyncio.run(conversation())


@pytest.mark.parametrize("dialect", [vosk, deepgram, deepgram_in_many_languages, realtime, wyoming])
def test_in_no_dialect_of_live_speech_it_has_text_and_a_person_after_it_does(
    gateway: GatewayAddress, dialect: Callable[[GatewayAddress, Samples], str]
) -> None:
    """Of a kind that voice activity takes for speech: nothing else comes as far as the recogniser."""
    told = dialect(gateway, np.concatenate([joined("gurgle"), person(), silence(1)]))
    assert normalised(told).split()[:2] == BECKETT.split()[:2]
