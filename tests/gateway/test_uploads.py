"""Bodies that stall, break off, lie or are too much: who is told what, and that nothing of them stays."""

import asyncio
import contextlib
import http.client
import io
import json
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import websockets

from tests.gateway.rest import BOUNDARY, TEMPLATES, post, post_file, post_samples
from tests.gateway_server import GatewayAddress, running_gateway
from tests.sounds import wav
from tests.triton_server import TritonAddress, wait_until
from tests.voices import TEXT, say, silence

FILE, SAMPLES = (
    "/speech_summary_engine/get_speech_summary_from_file",
    "/speech_summary_engine/get_speech_summary_from_samples",
)
SHARE_BYTES = 1 << 20
HOST = "Host: localhost"


@pytest.fixture(scope="module")
def strict(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    """A gateway with little patience and little room for uploads."""
    settings = {"GATEWAY_LIMITS__UPLOAD_IDLE_SECONDS": "1", "GATEWAY_LIMITS__REST_HELD_BYTES": str(SHARE_BYTES)}
    with running_gateway(triton, tmp_path_factory.mktemp("strict"), settings) as address:
        yield address


@contextlib.contextmanager
def upload(gateway: GatewayAddress, body: bytes, head: str = "Content-Length: 60000000") -> Iterator[socket.socket]:
    """A connection on which a body of samples has begun."""
    with socket.create_connection(("127.0.0.1", gateway.ports["voice"]), timeout=30) as connection:
        lines = f"POST {SAMPLES}?sample_rate=16000 HTTP/1.1\r\n{HOST}\r\nContent-Type: application/octet-stream\r\n"
        connection.sendall(f"{lines}{head}\r\n\r\n".encode() + body)
        yield connection


def answer(connection: socket.socket) -> tuple[int, dict[str, object]]:
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        content: dict[str, object] = json.loads(response.read())
        return response.status, content


def held(gateway: GatewayAddress) -> float:
    return gateway.metric("gateway_held_bytes")


def test_an_upload_that_stalls_is_a_408_and_gives_its_room_back(strict: GatewayAddress) -> None:
    with upload(strict, bytes(500_000)) as connection:
        wait_until(lambda: held(strict) == 500_000)
        status, error = answer(connection)
        assert (status, error["error"]) == (408, "Request Timeout")
        assert held(strict) == 0


def test_an_upload_that_trickles_is_a_408_as_well(strict: GatewayAddress) -> None:
    done = threading.Event()
    with upload(strict, bytes(10_000)) as connection:

        def trickle() -> None:
            while not done.wait(0.2):
                connection.sendall(b"\0")

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            assert answer(connection)[0] == 408
        finally:
            done.set()
            trickling.join()
        assert held(strict) == 0


def test_a_json_body_that_stalls_is_a_408(strict: GatewayAddress) -> None:
    with socket.create_connection(("127.0.0.1", strict.ports["voice"]), timeout=30) as connection:
        head = (
            f"POST /voice_template_matcher/match_voice_templates HTTP/1.1\r\n{HOST}\r\nContent-Type: application/json"
        )
        connection.sendall(f"{head}\r\nContent-Length: 1000\r\n\r\n".encode() + b'{"template1"')
        assert answer(connection)[0] == 408


async def test_uploads_fill_their_share_and_the_sockets_never_notice(strict: GatewayAddress) -> None:
    with upload(strict, bytes(SHARE_BYTES - 1000)):
        await asyncio.to_thread(wait_until, lambda: held(strict) == SHARE_BYTES - 1000)
        request = urllib.request.Request(
            strict.http(SAMPLES + "?sample_rate=16000"), bytes(32000), {"Content-Type": "application/octet-stream"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            await asyncio.to_thread(urllib.request.urlopen, request)
        assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "1")
        refused.value.close()
        async with websockets.connect(strict.ws("/speech_summary_stream")) as connection:
            await connection.send("16000")
            await connection.send(bytes(640_000))
            assert await connection.recv() == "200"
            assert json.loads(await connection.recv())["speech_length"] == 0
    await asyncio.to_thread(wait_until, lambda: held(strict) == 0)
    assert post_samples(strict, SAMPLES, silence(1.0))[0] == 200


def test_what_a_file_becomes_counts_as_well_as_the_file(strict: GatewayAddress) -> None:
    file = io.BytesIO()
    soundfile.write(file, silence(40.0), 16000, format="FLAC")
    assert len(file.getvalue()) < SHARE_BYTES / 10
    status, body = post_file(strict, FILE, file.getvalue())
    assert status == 503
    assert "too many uploads" in json.loads(body)["message"]
    assert held(strict) == 0
    assert "memfd:media" not in Path(f"/proc/{strict.pid}/maps").read_text()


def test_a_client_that_goes_away_is_counted_and_no_error(strict: GatewayAddress) -> None:
    gone = f'gateway_http_requests_total{{path="{SAMPLES}",status="499"}}'
    with upload(strict, bytes(500_000)):
        wait_until(lambda: held(strict) == 500_000)
    wait_until(lambda: gone in strict.get("/metrics")[1].decode())
    assert held(strict) == 0
    assert "ERROR" not in strict.log_file.read_text()


def test_a_refused_request_is_found_in_the_log_by_the_id_it_was_given(strict: GatewayAddress) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(strict.http(SAMPLES), b"x"))
    request_id = refused.value.headers["X-Connection-Id"]
    refused.value.close()
    assert re.fullmatch("[0-9a-f]{8}", request_id)
    (line,) = [line for line in strict.log_file.read_text().splitlines() if line.startswith(request_id)]
    assert "refused" in line


@pytest.mark.parametrize(
    "path", [FILE, SAMPLES + "?sample_rate=16000", "/voice_template_matcher/match_voice_templates"]
)
def test_a_compressed_body_is_a_415_whatever_it_holds(gateway: GatewayAddress, path: str) -> None:
    kind = "application/json" if "match" in path else "application/octet-stream"
    assert post(gateway, path, b"garbage" * 100, {"Content-Type": kind, "Content-Encoding": "gzip"})[0] == 415


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xff\xff",
        b"A: " + b"x" * 200_000,
        b"\r\n".join(b"A: x" for _ in range(1000)),
        b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c",
        b"Content-Type: multipart/mixed\r\n\r\n--c",
        b'Content-Disposition: form-data; name="_charset_"\r\n\r\n' + b"x" * 1000,
        b'Content-Disposition: form-data; name="\xff\xfe"',
    ],
)
def test_parts_that_cannot_be_read_are_a_400(gateway: GatewayAddress, head: bytes) -> None:
    boundary = BOUNDARY.encode()
    body = b"--" + boundary + b"\r\n" + head + b"\r\n\r\naudio\r\n--" + boundary + b"--\r\n"
    status, answered = post(gateway, FILE, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    assert status == 400, answered
    assert json.loads(answered)["status"] == 400


def test_a_body_that_turns_into_nonsense_is_given_up(strict: GatewayAddress) -> None:
    with upload(strict, b"4\r\nabcd\r\n", "Transfer-Encoding: chunked") as connection:
        wait_until(lambda: held(strict) == 4)
        connection.sendall(b"ZZZ\r\n")
        assert answer(connection)[0] in (400, 408)
    assert held(strict) == 0


def test_parts_that_nobody_asked_for_are_passed_over(gateway: GatewayAddress) -> None:
    other = f'Content-Disposition: form-data; name="notes"\r\n\r\n{"x" * 300_000}\r\n--{BOUNDARY}\r\n'
    wanted = 'Content-Disposition: form-data; name="audio_file"\r\n\r\n'
    file = io.BytesIO()
    soundfile.write(file, say(TEXT), 16000, format="FLAC")
    body = f"--{BOUNDARY}\r\n{other}{wanted}".encode() + file.getvalue() + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert post(gateway, TEMPLATES + "file", body, headers) == post_samples(gateway, TEMPLATES + "samples", say(TEXT))


def test_a_file_that_another_process_reads_leaves_no_words_of_a_library_in_the_log(strict: GatewayAddress) -> None:
    assert post_file(strict, FILE, wav(silence(1.0)))[0] == 200
    for line in strict.log_file.read_text().splitlines():
        assert re.match(r"([0-9a-f]{8} )?\d{4}-\d\d-\d\dT\S+ (INFO|WARNING) \w+: ", line), line
