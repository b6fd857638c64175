"""Exports over HTTP, at the real gateway: who gets which, in which form, and what is said to the others."""

import asyncio
import contextlib
import hashlib
import http.client
import io
import json
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from frontend.caller import Caller
from frontend.speech import Word
from tests.frontend.exporting import ID, OTHER_ID, WORDS, begun, chunk, kept_in
from tests.gateway_server import GatewayAddress, running_gateway

SILENT_ID, MISSING_ID, LARGE_ID = (character * 32 for character in "576")
ALICES, BOBS = "a-key-of-alice", "a-key-of-bob"
LARGE_BYTES = 64 << 20
SPOKEN = " one two"
LATER = (Word(" R&D", 3.0, 3.4, 0.5), Word(" für", 3.4, 3.9, 0.25))


async def make_exports(directory: Path) -> None:
    spoken = [b"".join(map(chunk, range(50)))]
    async with kept_in(directory) as exports:
        for export_id, owner, audio in (
            (ID, "alice", spoken),
            (OTHER_ID, "bob", spoken),
            (SILENT_ID, "alice", []),
            (LARGE_ID, "alice", [bytes(1 << 20)] * (LARGE_BYTES >> 20)),
        ):
            export = await begun(exports, export_id, Caller("c0ffee00", "::1", owner))
            for block in audio:
                export.append(block)
            for words, text in ((WORDS, SPOKEN), (LATER, " R&D für")) if audio is spoken else ():
                await export.final(words, text)
            await (export.interrupt if export_id == OTHER_ID else export.complete)()


@contextlib.contextmanager
def serving(state_dir: Path, **settings: str) -> Iterator[GatewayAddress]:
    asyncio.run(make_exports(state_dir / "exports"))
    with running_gateway(None, state_dir, {"GATEWAY_EXPORTS__MIN_FREE_BYTES": "0", **settings}) as address:
        yield address


@pytest.fixture(scope="module")
def unlocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    """A gateway without keys."""
    with serving(tmp_path_factory.mktemp("unlocked")) as address:
        yield address


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    keys = json.dumps([f"alice:{ALICES}", f"bob:{BOBS}"])
    with serving(tmp_path_factory.mktemp("locked"), GATEWAY_KEYS__CLIENTS=keys) as address:
        yield address


def ask(gateway: GatewayAddress, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
    request = urllib.request.Request(gateway.http(path, "rest"), headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as e:
        return e.code, e.read(), e.headers


def test_the_list_has_what_there_is(unlocked: GatewayAddress) -> None:
    assert ask(unlocked, "/export", key="any")[1] == ask(unlocked, "/export")[1]  # no keys are configured
    status, body, _ = ask(unlocked, "/export")
    listed = {entry["id"]: entry for entry in json.loads(body)}
    assert status == 200
    assert set(listed) == {ID, OTHER_ID, SILENT_ID, LARGE_ID}
    assert list(listed[ID]) == ["id", "start", "seconds", "state"]
    assert listed[ID]["seconds"] == 1.0
    assert listed[ID]["start"].endswith("+00:00")
    assert {entry["id"]: entry["state"] for entry in listed.values()}[OTHER_ID] == "incomplete"
    assert listed[SILENT_ID]["state"] == "complete"


def test_a_transcript_is_the_array_of_its_finals(unlocked: GatewayAddress) -> None:
    status, body, headers = ask(unlocked, f"/export/transcript/{ID}")
    finals = json.loads(body)
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert finals[0] == {
        "result": [
            {"conf": 0.9, "start": 0.0, "end": 0.5, "word": "one"},
            {"conf": 0.8, "start": 0.5, "end": 1.0, "word": "two"},
        ],
        "text": SPOKEN,
    }
    assert "für".encode() in body
    assert ask(unlocked, f"/export/transcript/{ID}?format=json")[1] == body


@pytest.mark.parametrize(
    ("wanted", "kind", "text"),
    [
        ("txt", "text/plain", "one two\nR&D für\n"),
        (
            "srt",
            "application/x-subrip",
            "1\n00:00:00,000 --> 00:00:01,000\none two\n\n2\n00:00:03,000 --> 00:00:03,900\nR&D für\n\n",
        ),
        (
            "vtt",
            "text/vtt",
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\none two\n\n00:00:03.000 --> 00:00:03.900\nR&amp;D für\n\n",
        ),
    ],
)
def test_a_transcript_comes_in_other_formats(unlocked: GatewayAddress, wanted: str, kind: str, text: str) -> None:
    status, body, headers = ask(unlocked, f"/export/transcript/{ID}?format={wanted}")
    assert (status, body.decode()) == (200, text)
    assert headers["Content-Type"] == f"{kind}; charset=utf-8"


def test_a_silent_stream_is_known_and_empty(unlocked: GatewayAddress) -> None:
    assert ask(unlocked, f"/export/transcript/{SILENT_ID}")[:2] == (200, b"[]")
    assert ask(unlocked, f"/export/transcript/{SILENT_ID}?format=txt")[:2] == (200, b"")
    assert ask(unlocked, f"/export/transcript/{SILENT_ID}?format=vtt")[:2] == (200, b"WEBVTT\n\n")


def test_an_unknown_format_is_refused(unlocked: GatewayAddress) -> None:
    status, body, _ = ask(unlocked, f"/export/transcript/{ID}?format=doc")
    assert (status, json.loads(body)["message"]) == (400, "format must be one of json, txt, srt, vtt")


def test_audio_is_a_wav_file_with_exactly_what_came(unlocked: GatewayAddress) -> None:
    status, body, headers = ask(unlocked, f"/export/audio/{ID}", Origin="https://somewhere")
    assert (status, headers["Content-Type"]) == (200, "audio/wav")
    assert headers["Content-Disposition"] == f'attachment; filename="{ID}.wav"'
    assert int(headers["Content-Length"]) == len(body)
    assert headers["X-Connection-Id"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    with wave.open(io.BytesIO(body)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        assert file.readframes(file.getnframes()) == b"".join(map(chunk, range(50)))
    status, body, headers = ask(unlocked, f"/export/audio/{ID}", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(44 + 32000))


def test_a_large_recording_is_never_in_memory(unlocked: GatewayAddress) -> None:
    before = unlocked.metric("gateway_resident_memory_bytes")
    digest, most = hashlib.sha256(), before
    with urllib.request.urlopen(unlocked.http(f"/export/audio/{LARGE_ID}")) as response:
        assert len(response.read(44)) == 44
        while block := response.read(4 << 20):
            digest.update(block)
            most = max(most, unlocked.metric("gateway_resident_memory_bytes"))
    assert digest.digest() == hashlib.sha256(bytes(LARGE_BYTES)).digest()
    assert most - before < 16 << 20


def test_a_download_that_is_broken_off_harms_nobody(unlocked: GatewayAddress) -> None:
    for _ in range(5):
        connection = http.client.HTTPConnection("127.0.0.1", unlocked.ports["rest"])
        connection.request("GET", f"/export/audio/{LARGE_ID}")
        assert connection.getresponse().read(100)
        connection.close()
    assert ask(unlocked, f"/export/audio/{ID}")[0] == 200
    assert "Traceback" not in unlocked.log_file.read_text()
    assert " ERROR " not in unlocked.log_file.read_text()


@pytest.mark.parametrize("export_id", [MISSING_ID, "x", ID.upper().replace("0", "A"), f"{ID}0", "..%2F..", "%00"])
def test_an_unknown_id_is_answered_as_clients_know_it(unlocked: GatewayAddress, export_id: str) -> None:
    assert ask(unlocked, f"/export/transcript/{export_id}")[:2] == (404, b"Transcription ID not found")
    for method, path in (("GET", f"/export/audio/{export_id}"), ("DELETE", f"/export/{export_id}")):
        status, body, _ = ask(unlocked, path, method)
        assert (status, json.loads(body)) == (404, {"error": "File not found"})


@pytest.mark.parametrize("headers", [{}, {"key": "wrong"}, {"Authorization": "Bearer "}, {"Authorization": "Basic x"}])
def test_without_a_key_nothing_is_given_where_keys_are_configured(
    locked: GatewayAddress, headers: dict[str, str]
) -> None:
    for method, path in (("GET", f"transcript/{ID}"), ("GET", f"audio/{ID}"), ("DELETE", ID)):
        assert ask(locked, f"/export/{path}", method, **headers)[:2] == (401, b'"Unauthorized"')


def test_a_wrong_key_lists_nothing_and_no_key_lists_all_from_here(locked: GatewayAddress) -> None:
    assert ask(locked, "/export", key="wrong")[:2] == (401, b'"Unauthorized"')
    assert len(json.loads(ask(locked, "/export")[1])) == 4


@pytest.mark.parametrize("header", ["Origin", "Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"])
def test_who_asks_through_a_proxy_or_a_page_does_not_ask_from_here(locked: GatewayAddress, header: str) -> None:
    assert ask(locked, "/export", **{header: "127.0.0.1"})[:2] == (401, b'"Unauthorized"')


@pytest.mark.parametrize("headers", [{"key": BOBS}, {"Authorization": BOBS}, {"Authorization": f"Bearer {BOBS}"}])
def test_a_key_sees_its_own_exports_and_no_others(locked: GatewayAddress, headers: dict[str, str]) -> None:
    assert [entry["id"] for entry in json.loads(ask(locked, "/export", **headers)[1])] == [OTHER_ID]
    assert ask(locked, f"/export/transcript/{OTHER_ID}", **headers)[0] == 200
    assert ask(locked, f"/export/audio/{OTHER_ID}", **headers)[0] == 200
    assert ask(locked, f"/export/transcript/{ID}", **headers)[:2] == (404, b"Transcription ID not found")
    assert ask(locked, f"/export/audio/{ID}", **headers)[0] == 404
    assert ask(locked, f"/export/{ID}", "DELETE", **headers)[0] == 404
    assert ask(locked, f"/export/transcript/{ID}", key=ALICES)[0] == 200


def test_keys_and_transcripts_stay_out_of_the_log(locked: GatewayAddress) -> None:
    ask(locked, f"/export/transcript/{ID}", key=ALICES)
    log = locked.log_file.read_text()
    assert ALICES not in log
    assert BOBS not in log
    assert "für" not in log


def test_what_is_deleted_is_gone(tmp_path: Path) -> None:
    with serving(tmp_path) as gateway:
        assert ask(gateway, f"/export/{ID}", "DELETE")[:2] == (204, b"")
        assert ask(gateway, f"/export/{ID}", "DELETE")[0] == 404
        assert ask(gateway, f"/export/audio/{ID}")[0] == 404
        assert ID not in ask(gateway, "/export")[1].decode()


def test_where_exports_are_switched_off_there_are_none(tmp_path: Path) -> None:
    with serving(tmp_path, GATEWAY_EXPORTS__ENABLED="false") as gateway:
        assert ask(gateway, "/export")[:2] == (200, b"[]")
        assert ask(gateway, f"/export/transcript/{ID}")[0] == 404
        assert ask(gateway, f"/export/audio/{ID}")[0] == 404


def test_a_store_that_does_not_answer_is_said_so(tmp_path: Path) -> None:
    bucket = {
        "GATEWAY_EXPORTS__STORE": "s3",
        "GATEWAY_EXPORTS__S3_BUCKET": "recordings",
        "GATEWAY_EXPORTS__S3_ENDPOINT": "http://127.0.0.1:1",
        "GATEWAY_EXPORTS__S3_ACCESS_KEY_ID": "someone",
        "GATEWAY_EXPORTS__S3_SECRET_ACCESS_KEY": "a-secret",
    }
    with serving(tmp_path, **bucket) as gateway:
        assert ask(gateway, f"/export/transcript/{ID}")[0] == 200  # still here
        status, body, headers = ask(gateway, f"/export/transcript/{MISSING_ID}")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "try again later" in json.loads(body)["message"]
    assert "a-secret" not in gateway.log_file.read_text()
