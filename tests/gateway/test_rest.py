"""Templates, matching, summaries and build info over HTTP, and the one form of all errors."""

import base64
import json
import struct
import urllib.request
import zlib
from typing import Any

import numpy as np
import pytest

from tests.gateway.rest import TEMPLATES, post, post_file, post_json, post_samples, template_of
from tests.gateway_server import WEB_PORTS, GatewayAddress
from tests.sounds import noise, wav, wav_claiming
from tests.voices import ANOTHER, MINE, OTHER_TEXT, TEXT, say, silence

MATCH, MERGE = "/voice_template_matcher/match_voice_templates", "/voice_template_factory/merge_voice_templates"
SUMMARY = "/speech_summary_engine/get_speech_summary_from_"
SAMPLES_TYPE = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def mine(gateway: GatewayAddress) -> str:
    return template_of(gateway, say(TEXT, MINE))


@pytest.fixture(scope="module")
def also_mine(gateway: GatewayAddress) -> str:
    return template_of(gateway, say(OTHER_TEXT, MINE))


@pytest.fixture(scope="module")
def anothers(gateway: GatewayAddress) -> str:
    return template_of(gateway, say(TEXT, ANOTHER))


def match(gateway: GatewayAddress, one: str, other: str) -> dict[str, float]:
    status, body = post_json(gateway, MATCH, {"template1": one, "template2": other})
    assert status == 200, body
    answer: dict[str, float] = json.loads(body)
    return answer


def error_of(answer: tuple[int, bytes], path: str) -> tuple[int, str]:
    """Status and message of an error, once its form is right."""
    status, body = answer
    error: dict[str, Any] = json.loads(body)
    assert list(error) == ["status", "error", "message", "path"]
    assert error["status"] == status
    assert error["path"] == path
    return status, error["message"]


def test_templates_of_one_voice_match_and_of_two_do_not(
    gateway: GatewayAddress, mine: str, also_mine: str, anothers: str
) -> None:
    same, different = match(gateway, mine, also_mine), match(gateway, mine, anothers)
    assert list(same) == ["probability", "score"]
    assert same["probability"] > 0.5 > different["probability"]
    assert match(gateway, mine, mine)["score"] == pytest.approx(1, abs=1e-6)


def test_a_merged_template_stands_between_its_parts(
    gateway: GatewayAddress, mine: str, also_mine: str, anothers: str
) -> None:
    status, merged = post_json(gateway, MERGE, {"templates": [mine, also_mine]})
    assert status == 200
    assert match(gateway, merged.decode(), mine)["score"] > match(gateway, mine, also_mine)["score"]
    assert match(gateway, merged.decode(), anothers)["probability"] < 0.5


def rewritten(template: str, magic: bytes, seconds: bytes) -> str:
    """The template in another format or with another amount of speech, its checksum right."""
    content = base64.b64decode(template)[:-4]
    content = magic + content[4:22] + seconds + content[26:]
    return base64.b64encode(content + struct.pack("<I", zlib.crc32(content))).decode()


def test_a_template_of_the_first_format_still_matches(gateway: GatewayAddress, mine: str, also_mine: str) -> None:
    first = rewritten(mine, b"VTP1", b"")
    assert len(first) < len(mine)
    assert match(gateway, first, also_mine)["score"] == match(gateway, mine, also_mine)["score"]


def test_a_template_of_too_little_speech_is_told_so_and_not_refused(
    gateway: GatewayAddress, mine: str, also_mine: str
) -> None:
    little = rewritten(mine, b"VTP2", struct.pack("<f", 0.3))
    answer = post_json(gateway, MATCH, {"template1": also_mine, "template2": little})
    assert error_of(answer, MATCH) == (400, "too little speech: 0.3 s, at least 0.5 s are needed")


def test_voices_that_cancel_out_are_not_merged(gateway: GatewayAddress, mine: str) -> None:
    content = base64.b64decode(mine)[:-4]
    header, vector = content[: -256 * 4], np.frombuffer(content[-256 * 4 :], "<f4")
    opposite = header + (-vector).tobytes()
    template = base64.b64encode(opposite + struct.pack("<I", zlib.crc32(opposite))).decode()
    assert error_of(post_json(gateway, MERGE, {"templates": [mine, template]}), MERGE)[0] == 400


def test_a_body_of_countless_parts_is_refused_before_it_is_read(gateway: GatewayAddress) -> None:
    status, body = post_json(gateway, MERGE, {"templates": [[]] * 200_000})
    assert (status, json.loads(body)["message"]) == (400, "the body has more than 256 parts")


@pytest.mark.parametrize("part", ["wav_file", "audio_file"])
def test_a_file_and_its_samples_give_the_same_voice(gateway: GatewayAddress, mine: str, part: str) -> None:
    status, body = post_file(gateway, TEMPLATES + "file?channel_type=x", wav(say(TEXT, MINE)), part)
    assert (status, body.decode()) == (200, mine)


def test_a_template_is_bare_text(gateway: GatewayAddress) -> None:
    request = urllib.request.Request(
        gateway.http(TEMPLATES + "samples?sample_rate=16000"), say(TEXT, MINE).tobytes(), SAMPLES_TYPE
    )
    with urllib.request.urlopen(request) as response:
        assert response.headers.get_content_type() == "text/plain"
        assert response.read()[:1].isalnum()


def test_a_summary_of_a_file_is_flat_and_agrees_with_its_samples(gateway: GatewayAddress) -> None:
    audio = np.concatenate([silence(1.0), say("Good morning to you all.", MINE), silence(1.0)])
    status, body = post_samples(gateway, SUMMARY + "samples", audio)
    summary = json.loads(body)
    assert status == 200
    assert list(summary) == ["background_length", "speech_signal_length", "total_length", "vad_result"]
    assert summary["total_length"] == float(np.float32(len(audio) / 16000))
    frames = summary["vad_result"]["frames"]
    assert len(frames) == len(audio) // 480
    assert not any(frames[:30])
    assert any(frames)
    assert not any(frames[-20:])
    assert post_file(gateway, SUMMARY + "file", wav(audio)) == (200, body)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
def test_a_summary_counts_in_the_files_own_rate(gateway: GatewayAddress, rate: int) -> None:
    audio = say("Good morning to you all.", MINE, rate)
    summary = json.loads(post_file(gateway, SUMMARY + "file", wav(audio, rate))[1])
    assert summary["total_length"] == float(np.float32(len(audio) / rate))
    assert len(summary["vad_result"]["frames"]) == len(audio) * 100 // (3 * rate)


def test_build_info_says_what_answers(gateway: GatewayAddress) -> None:
    status, body = gateway.get("/core/get_build_info")
    info = json.loads(body)
    assert status == 200
    assert info["version"]
    assert len(info["models"]["vad"]) == 32


@pytest.mark.parametrize("path", [TEMPLATES + "file", SUMMARY + "file"])
@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "empty"),
        (b"RIFF", "does not decode"),
        (np.random.default_rng(0).bytes(20_000), "does not decode"),
        (wav(silence(0.0)), "no audio"),
        (wav_claiming(silence(0.0), 2**31), "no audio"),
    ],
)
def test_what_is_no_audio_is_a_400(gateway: GatewayAddress, path: str, file: bytes, words: str) -> None:
    status, message = error_of(post_file(gateway, path, file), path)
    assert status == 400
    assert words in message


def test_too_little_speech_is_a_400_that_says_how_much(gateway: GatewayAddress) -> None:
    path = TEMPLATES + "file"
    for audio in (silence(5.0), noise(5.0, 16000), say("Yes.", MINE)[:8000]):
        status, message = error_of(post_file(gateway, path, wav(audio)), path)
        assert status == 400
        assert "too little speech" in message


@pytest.mark.parametrize(
    "query", ["", "?sample_rate=", "?sample_rate=nan", "?sample_rate=7999", "?sample_rate=16000.5"]
)
def test_a_missing_or_wrong_rate_is_a_400(gateway: GatewayAddress, query: str) -> None:
    path = TEMPLATES + "samples"
    answer = post(gateway, path + query, say(TEXT, MINE).tobytes(), SAMPLES_TYPE)
    assert error_of(answer, path)[0] == 400


def test_a_missing_part_is_a_400(gateway: GatewayAddress) -> None:
    path = TEMPLATES + "file"
    status, message = error_of(post_file(gateway, path, wav(silence(1.0)), "file"), path)
    assert (status, message) == (400, "the part wav_file or audio_file is missing")
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert error_of(post(gateway, path, b"garbage", headers), path)[0] == 400
    assert error_of(post(gateway, path, b"", {"Content-Type": "multipart/form-data"}), path)[0] == 400


@pytest.mark.parametrize("path", [TEMPLATES + "file", TEMPLATES + "samples", MATCH])
def test_another_kind_of_body_is_a_415(gateway: GatewayAddress, path: str) -> None:
    assert error_of(post(gateway, path, b"x", {"Content-Type": "image/png"}), path)[0] == 415


def test_unknown_paths_and_methods_are_404_and_405(gateway: GatewayAddress) -> None:
    assert error_of(post_json(gateway, "/nothing/here", {}), "/nothing/here")[0] == 404
    assert error_of(gateway.get("/nothing/here"), "/nothing/here")[0] == 404
    assert error_of(gateway.get(MATCH), MATCH)[0] == 405
    assert error_of(gateway.get("/speech_summary_stream"), "/speech_summary_stream")[0] == 426


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"{" * 5000,
        b'{"template1": 1, "template2": 2}',
        b'{"template1": "", "template2": ""}',
        b"\xff",
        b'{"template1": "VlRQ", "template2": "VlRQ"}',
    ],
)
def test_bad_templates_are_a_400_and_never_a_score(gateway: GatewayAddress, body: bytes) -> None:
    assert error_of(post(gateway, MATCH, body, {"Content-Type": "application/json"}), MATCH)[0] == 400


def test_a_damaged_template_is_a_400(gateway: GatewayAddress, mine: str) -> None:
    damaged = mine[:100] + ("A" if mine[100] != "A" else "B") + mine[101:]
    status, message = error_of(post_json(gateway, MATCH, {"template1": mine, "template2": damaged}), MATCH)
    assert status == 400
    assert "damaged" in message
    for templates in ([], [mine, damaged], mine, [mine] * 101, [1]):
        assert error_of(post_json(gateway, MERGE, {"templates": templates}), MERGE)[0] == 400


def test_a_template_is_a_json_string_for_who_asks_for_json(gateway: GatewayAddress, mine: str) -> None:
    audio, kind = say(TEXT, MINE).tobytes(), "application/json, text/plain, */*"
    path = TEMPLATES + "samples?sample_rate=16000"
    assert json.loads(post(gateway, path, audio, SAMPLES_TYPE | {"Accept": kind})[1]) == mine
    headers = {"Content-Type": "application/json", "Accept": kind}
    status, body = post(gateway, MERGE, json.dumps({"templates": [mine]}).encode(), headers)
    assert (status, match(gateway, json.loads(body), mine)["probability"] > 0.5) == (200, True)


def test_every_port_serves_health_and_metrics(gateway: GatewayAddress) -> None:
    for port in WEB_PORTS:
        for path in ("/health", "/health/live", "/health/ready", "/metrics"):
            with urllib.request.urlopen(gateway.http(path, port)) as response:
                assert response.status == 200
    assert json.loads(gateway.get("/health")[1]) == {"status": "ok", "postprocess_enabled": False}
    assert (ready := json.loads(gateway.get("/health/ready")[1]))["providers"] == dict.fromkeys(ready["models"], "cpu")
    assert ready["models"] == dict.fromkeys(("vad", "speaker_embedding", "asr", "language_id"), "ready")
