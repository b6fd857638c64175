"""Deepgram's APIs, judged by its own Python library."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import websockets
from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment
from deepgram.errors import BadRequestError

from frontend.speech import Samples
from tests import foreign
from tests.gateway.test_openai import WORDS, plain
from tests.gateway_server import GatewayAddress, running_gateway
from tests.readings import PARTS, parts
from tests.sounds import wav
from tests.triton_server import TritonAddress
from tests.voices import silence

LIVE = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000}


@contextlib.contextmanager
def client_of(gateway: GatewayAddress, key: str = "any") -> Iterator[DeepgramClient]:
    http, ws = gateway.http(""), gateway.ws("")
    environment = DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
    with httpx.Client(timeout=60) as connections:  # its own five seconds are few on a busy machine
        yield DeepgramClient(api_key=key, environment=environment, httpx_client=connections)


def spoken(rate: int = 16_000) -> Samples:
    first, second = parts(rate)
    return np.concatenate([silence(0.5, rate), first, silence(1.5, rate), second, silence(1.5, rate)])


class Talk:
    """A live conversation: what is said, and what was told, in a thread of its own."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.told: list[Any] = []
        self._closed = threading.Event()
        connection.on(EventType.MESSAGE, self.told.append)
        connection.on(EventType.CLOSE, lambda _: self._closed.set())
        threading.Thread(target=connection.start_listening, daemon=True).start()

    def say(self, samples: Samples, pace_seconds: float = 0.0, rate: int = 16_000) -> None:
        for start in range(0, len(samples), rate // 10):
            self.connection.send_media(samples[start : start + rate // 10].tobytes())
            time.sleep(pace_seconds)

    def until_closed(self) -> None:
        assert self._closed.wait(60)

    def of(self, kind: str) -> list[Any]:
        return [message for message in self.told if message.type == kind]

    @property
    def finals(self) -> list[Any]:
        return [message for message in self.of("Results") if message.is_final]

    @property
    def text(self) -> str:
        return plain(" ".join(final.channel.alternatives[0].transcript for final in self.finals))


@contextlib.contextmanager
def talking(gateway: GatewayAddress, **query: Any) -> Iterator[Talk]:
    with client_of(gateway) as client, client.listen.v1.connect(**{**LIVE, **query}) as connection:
        yield Talk(connection)


def test_a_recording_is_transcribed_and_each_final_is_marked(gateway: GatewayAddress) -> None:
    with talking(gateway, punctuate=True) as talk:
        talk.say(spoken())
        talk.connection.send_close_stream()
        talk.until_closed()
    assert talk.text == WORDS
    assert all(message.is_final for message in talk.of("Results"))
    assert talk.finals[-1].speech_final
    (metadata,) = talk.of("Metadata")
    assert talk.told[-1] is metadata
    assert metadata.duration == pytest.approx(len(spoken()) / 16_000, abs=0.001)
    assert {final.metadata.request_id for final in talk.finals} == {metadata.request_id}
    ends = [final.start + final.duration for final in talk.finals]
    assert [final.start for final in talk.finals] == pytest.approx([0, *ends[:-1]], abs=0.002)


def test_who_speaks_hears_of_it_of_what_is_understood_and_of_the_end(gateway: GatewayAddress) -> None:
    wanted = {"interim_results": True, "vad_events": True, "utterance_end_ms": 1000, "endpointing": 300}
    with talking(gateway, **wanted) as talk:
        talk.say(spoken(), pace_seconds=0.1)
        talk.connection.send_close_stream()
        talk.until_closed()
    assert talk.text == WORDS
    kinds = [message.type for message in talk.told]
    assert kinds[0] in ("SpeechStarted", "Results")
    assert len(talk.of("SpeechStarted")) >= 2
    assert len(talk.of("UtteranceEnd")) >= 2
    assert any(not message.is_final and message.channel.alternatives[0].transcript for message in talk.of("Results"))
    assert sum(final.speech_final for final in talk.finals) >= 2
    assert 1.2 < talk.of("SpeechStarted")[0].timestamp < 2.0  # half a second, and a breath before the first word
    words = [word for final in talk.finals for word in final.channel.alternatives[0].words]
    assert talk.of("UtteranceEnd")[-1].last_word_end == words[-1].end


def test_finalize_tells_at_once_what_was_said_and_the_stream_goes_on(gateway: GatewayAddress) -> None:
    with talking(gateway) as talk:
        talk.say(parts()[0])
        talk.connection.send_finalize()
        talk.connection.send_keep_alive()
        talk.say(parts()[1])
        talk.connection.send_close_stream()
        talk.until_closed()
    assert [final.from_finalize for final in talk.finals] == [True, *[False] * (len(talk.finals) - 1)]
    assert plain(talk.finals[0].channel.alternatives[0].transcript) == PARTS[0]
    assert talk.text == WORDS


@pytest.mark.parametrize(("encoding", "rate"), [("linear16", 48_000), ("mulaw", 8000), ("alaw", 8000)])
def test_other_rates_and_telephones_are_understood(gateway: GatewayAddress, encoding: str, rate: int) -> None:
    samples = spoken(rate)
    with talking(gateway, encoding=encoding, sample_rate=rate) as talk:
        data = samples.tobytes() if encoding == "linear16" else companded(samples, encoding)
        for start in range(0, len(data), 4000):
            talk.connection.send_media(data[start : start + 4000])
        talk.connection.send_close_stream()
        talk.until_closed()
    assert talk.text == WORDS


def companded(samples: Samples, law: str) -> bytes:
    import av

    encoder = av.CodecContext.create(f"pcm_{law}", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = 8000
    return b"".join(bytes(packet) for each in (frame, None) for packet in encoder.encode(each))


def test_a_browsers_recording_needs_no_encoding(gateway: GatewayAddress, tmp_path: Path) -> None:
    foreign.encode(tmp_path / "spoken.webm", spoken())
    data = (tmp_path / "spoken.webm").read_bytes()
    with client_of(gateway) as client, client.listen.v1.connect(model="nova-3", language="en") as connection:
        talk = Talk(connection)
        for start in range(0, len(data), 4000):
            connection.send_media(data[start : start + 4000])
        connection.send_finalize()
        connection.send_close_stream()
        talk.until_closed()
    assert talk.text == WORDS
    assert talk.finals[-1].from_finalize


def test_who_goes_silent_is_hung_up_on(triton: TritonAddress, tmp_path: Path) -> None:
    with (
        running_gateway(triton, tmp_path, {"GATEWAY_DEEPGRAM__IDLE_SECONDS": "1.0"}) as gateway,
        talking(gateway) as talk,
    ):
        talk.say(silence(0.5))
        talk.until_closed()
        assert talk.connection._websocket.protocol.close_code == 1011
        assert talk.connection._websocket.protocol.close_reason.startswith("NET-0001")


@pytest.mark.parametrize("query", [{"diarize": True}, {"redact": "pci"}, {"language": "xx"}, {"sample_rate": 7}])
def test_what_cannot_be_honoured_is_refused(gateway: GatewayAddress, query: dict[str, Any]) -> None:
    with pytest.raises(websockets.InvalidStatus) as error, talking(gateway, **query):
        pass
    assert error.value.response.status_code == 400
    assert json.loads(error.value.response.body)["err_code"] == "INVALID_QUERY_PARAMETER"


def test_a_wrong_key_is_told(triton: TritonAddress, tmp_path: Path) -> None:
    with (
        running_gateway(triton, tmp_path, {"GATEWAY_KEYS__CLIENTS": '["me:K"]'}) as gateway,
        client_of(gateway, "wrong") as wrong,
        client_of(gateway, "K") as right,
    ):
        with pytest.raises(ApiError) as error:
            wrong.listen.v1.media.transcribe_file(request=wav(spoken()), model="nova-3")
        assert error.value.status_code == 401
        assert error.value.body["err_code"] == "INVALID_AUTH"
        with pytest.raises(websockets.InvalidStatus, match="401"), wrong.listen.v1.connect(**LIVE):
            pass
        with right.listen.v1.connect(**LIVE) as connection:
            connection.send_close_stream()
            assert connection.recv().type == "Metadata"


def test_a_recording_is_answered_in_one(gateway: GatewayAddress) -> None:
    wanted = {"model": "nova-3", "smart_format": True, "utterances": True, "language": "en", "keyterm": "wisdom"}
    with client_of(gateway) as client:
        heard: Any = client.listen.v1.media.transcribe_file(request=wav(spoken()), **wanted)
    (channel,) = heard.results.channels
    (alternative,) = channel.alternatives
    assert plain(alternative.transcript) == WORDS
    assert len(heard.results.utterances) >= 2
    assert plain(" ".join(each.transcript for each in heard.results.utterances)) == WORDS
    assert heard.metadata.duration == pytest.approx(len(spoken()) / 16_000, abs=0.001)
    assert all(word.start <= word.end for word in alternative.words)


def test_what_is_refused_of_a_recording_is_told_in_deepgrams_form(gateway: GatewayAddress) -> None:
    with client_of(gateway) as client:
        media = client.listen.v1.media
        refused: tuple[tuple[bytes, dict[str, Any]], ...]
        refused = (
            (b"no audio at all", {}),
            (b"", {}),
            (wav(spoken()), {"diarize": True}),
            (wav(spoken()), {"language": "xx"}),
        )
        for request, query in refused:
            with pytest.raises(BadRequestError) as error:
                media.transcribe_file(request=request, model="nova-3", **query)
            assert error.value.body.keys() == {"err_code", "err_msg", "request_id"}
        with pytest.raises(BadRequestError) as error:
            media.transcribe_url(url="http://127.0.0.1/a.wav", model="nova-3")
        assert "url" in json.dumps(error.value.body)
