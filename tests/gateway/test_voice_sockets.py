"""The six sockets as clients in the field use them: two client libraries, the real gateway, the real Triton."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import websocket
import websockets

from frontend.speech import RATE, Samples
from tests.gateway.rest import template_of
from tests.gateway_server import GatewayAddress
from tests.sounds import opus_packets
from tests.voices import ANOTHER, MINE, OTHER_TEXT, TEXT, say, silence

Message = str | bytes
Client = Callable[[str, Sequence[Message]], list[str]]


def with_websockets(url: str, messages: Sequence[Message]) -> list[str]:
    """One message, one answer, as the published pseudo-code does it."""

    async def run() -> list[str]:
        async with websockets.connect(url) as connection:
            answers = []
            for message in messages:
                await connection.send(message)
                answers.append(str(await connection.recv()))
            return answers

    return asyncio.run(run())


def with_websocket_client(url: str, messages: Sequence[Message]) -> list[str]:
    """Everything sent first, then everything received, which the published pseudo-code allows too."""
    connection = websocket.create_connection(url, timeout=30)
    for message in messages:
        if isinstance(message, str):
            connection.send(message)
        else:
            connection.send_binary(message)
    answers = [str(connection.recv()) for _ in messages]
    connection.close()
    return answers


CLIENTS = [with_websockets, with_websocket_client]


def chunks(samples: Samples, step: int = 1600) -> list[Message]:
    return [samples[start : start + step].tobytes() for start in range(0, len(samples), step)]


def stream(samples: Samples, opus: bool) -> list[Message]:
    return list(opus_packets(samples)) if opus else chunks(samples)


@pytest.fixture(scope="module")
def template(gateway: GatewayAddress) -> str:
    return template_of(gateway, np.concatenate([say(TEXT, MINE), say(OTHER_TEXT, MINE)]))


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("opus", [False, True], ids=["pcm", "opus"])
def test_the_end_of_an_utterance_is_found_after_the_asked_silence(
    gateway: GatewayAddress, client: Client, opus: bool
) -> None:
    speech = np.concatenate([silence(0.5), say("Good morning, this is a short message.", MINE)])
    audio = np.concatenate([speech, silence(2.0)])
    path = "/speech_endpoint_detector" + "_opus" * opus
    answers = client(gateway.ws(path), ["100", "500", "16000", *stream(audio, opus)])
    assert answers[:3] == ["200"] * 3
    assert set(answers[3:]) == {"false", "true"}
    assert answers[3:] == sorted(answers[3:]), "true stays true"
    found_seconds = answers[3:].index("true") * (0.02 if opus else 0.1)
    assert 0.4 < found_seconds - len(speech) / RATE < 0.9


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("opus", [False, True], ids=["pcm", "opus"])
def test_the_summary_tells_speech_from_background(gateway: GatewayAddress, client: Client, opus: bool) -> None:
    spoken = say("Good morning, this is a short message.", MINE)
    audio = np.concatenate([silence(1.0), spoken, silence(1.0)])
    path = "/speech_summary_stream" + "_opus" * opus
    answers = client(gateway.ws(path), ["16000", *stream(audio, opus)])
    summary = json.loads(answers[-1])
    current = summary["current_speech_summary"]
    assert summary["speech_length"] == current["speech_signal_length"] == pytest.approx(len(spoken) / RATE, abs=0.35)
    assert summary["current_background_length"] == pytest.approx(1.0, abs=0.25)
    assert current["total_length"] == pytest.approx(len(audio) / RATE, abs=0.021)
    assert len(current["vad_result"]["frames"]) == int(current["total_length"] / 0.03)
    lengths = [len(json.loads(answer)["current_speech_summary"]["vad_result"]["frames"]) for answer in answers[1:]]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("opus", [False, True], ids=["pcm", "opus"])
def test_verification_tells_my_voice_from_another(
    gateway: GatewayAddress, client: Client, opus: bool, template: str
) -> None:
    path = gateway.ws("/voice_verify_stream" + "_opus" * opus)
    for voice, is_mine in ((MINE, True), (ANOTHER, False)):
        answers = client(path, [template, "16000", "5", *stream(say(OTHER_TEXT[:90], voice), opus)])
        assert answers[:3] == ["200"] * 3
        results = [result for answer in answers[3:] for result in json.loads(answer)]
        assert len(results) >= 2
        assert all((result["verify_result"]["probability"] > 0.5) is is_mine for result in results)
        assert_shape(results)


def assert_shape(results: list[dict[str, Any]]) -> None:
    for number, result in enumerate(results):
        interval = result["audio_interval"]
        assert list(result) == ["audio_interval", "verify_result"]
        assert list(interval) == ["end_sample", "end_time", "sample_rate", "start_sample", "start_time"]
        assert list(result["verify_result"]) == ["probability", "score"]
        assert (interval["start_sample"], interval["end_sample"]) == (16000 * number, 16000 * number + 48000)
        assert (interval["start_time"], interval["end_time"]) == (1000 * number, 1000 * number + 3000)


def test_6133_samples_of_speech_have_the_published_lengths(gateway: GatewayAddress) -> None:
    audio = np.concatenate([silence(0.3), say(TEXT, MINE)])[:6133]
    summary = json.loads(with_websockets(gateway.ws("/speech_summary_stream"), ["16000", audio.tobytes()])[-1])
    current = summary["current_speech_summary"]
    assert current["total_length"] == 0.38331249356269836
    assert len(current["vad_result"]["frames"]) == 12
    frames_seconds = float(np.float32(12 * 0.03))
    assert current["background_length"] + current["speech_signal_length"] == pytest.approx(frames_seconds, abs=1e-7)
    assert list(summary) == ["current_background_length", "speech_length", "current_speech_summary"]
    assert list(current) == ["background_length", "speech_signal_length", "total_length", "vad_result"]
    assert list(current["vad_result"]) == ["frame_length_ms", "frames"]
    assert current["vad_result"]["frame_length_ms"] == 30.0


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
def test_answers_do_not_depend_on_how_the_bytes_were_cut(gateway: GatewayAddress, rate: int) -> None:
    data = np.concatenate([silence(0.4, rate), say("Good morning to you all.", MINE, rate), silence(0.7, rate)])
    url, raw = gateway.ws("/speech_summary_stream"), data.tobytes()
    odd = [raw[start : start + 3333] for start in range(0, len(raw), 3333)]
    assert with_websockets(url, [str(rate), raw])[-1] == with_websocket_client(url, [str(rate), *odd])[-1]


def test_a_voice_is_known_again_at_another_rate(gateway: GatewayAddress, template: str) -> None:
    audio = say(OTHER_TEXT[:90], MINE, 8000)
    answers = with_websockets(gateway.ws("/voice_verify_stream"), [template, "8000", "3", audio.tobytes()])
    results = json.loads(answers[-1])
    assert results[0]["audio_interval"]["end_sample"] == 24000
    assert all(result["verify_result"]["score"] > 0.7 for result in results)


def test_errors_leave_the_socket_open_and_every_message_answered(gateway: GatewayAddress) -> None:
    messages: list[Message] = ["x", b"\0", "16000", "16000", b"", b"\0", b"\0" * 3199, "late", bytes(3200)]
    answers = with_websocket_client(gateway.ws("/speech_summary_stream"), messages)
    shown = [answer if len(answer) < 4 else "summary" for answer in answers]
    assert shown == ["500", "500", "200", "500", "summary", "summary", "summary", "500", "summary"]
    assert json.loads(answers[-1])["current_speech_summary"]["total_length"] == pytest.approx(0.2)


def test_opus_garbage_costs_its_own_message(gateway: GatewayAddress) -> None:
    packets = opus_packets(say(TEXT, MINE)[:16000])
    messages: list[Message] = ["16000", *packets[:20], bytes(70_000), packets[20], b"", *packets[21:40]]
    answers = with_websocket_client(gateway.ws("/speech_summary_stream_opus"), messages)
    assert answers[21] == "500"
    assert json.loads(answers[-1])["current_speech_summary"]["total_length"] == pytest.approx(0.8)


@pytest.mark.parametrize("size", [(1 << 20) + 1, 4 << 20, 15 << 20])
def test_a_message_over_the_limit_is_answered_in_its_turn_with_1009(gateway: GatewayAddress, size: int) -> None:
    """Also to a client that reads only after it has sent everything, and more than the limit behind it."""
    connection = websocket.create_connection(gateway.ws("/speech_summary_stream"), timeout=30)
    connection.send("16000")
    for data in (bytes(3200), bytes(3200), bytes(size), bytes(3200)):
        connection.send_binary(data)
    assert [str(connection.recv())[:3] for _ in range(3)] == ["200", '{"c', '{"c']
    opcode, data = connection.recv_data(control_frame=True)
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(data[:2], "big") == 1009
    assert b"larger than 1048576 bytes" in data
    connection.shutdown()


def test_a_message_of_exactly_the_limit_is_taken(gateway: GatewayAddress) -> None:
    answers = with_websockets(gateway.ws("/speech_summary_stream"), ["96000", bytes(1 << 20)])
    assert json.loads(answers[1])["current_speech_summary"]["total_length"] == float(np.float32((1 << 19) / 96000))


def test_a_connection_has_an_id_that_begins_its_log_lines(gateway: GatewayAddress) -> None:
    async def run() -> str:
        async with websockets.connect(gateway.ws("/speech_summary_stream?origin=x&unknown=1")) as connection:
            await connection.send("secret-parameter")
            await connection.recv()
            assert connection.response is not None
            return str(connection.response.headers["X-Connection-Id"])

    connection_id = asyncio.run(run())
    lines = [line for line in gateway.log_file.read_text().splitlines() if line.startswith(connection_id)]
    assert any("not a number" in line for line in lines), "a 500 is explained in the log"
    assert "secret-parameter" not in gateway.log_file.read_text()
