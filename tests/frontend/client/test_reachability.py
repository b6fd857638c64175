"""Addresses where no gateway is: each is told in one plain line, with the status that scripts read."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from frontend.client.command import Command, parse
from frontend.client.connection import connected, request
from frontend.client.errors import CommandError
from frontend.client.screen import Screen, harmless
from tests.frontend.client.scripted import Talk, run, server
from tests.sounds import tone, wav
from tests.triton_server import free_ports

# The first that a gRPC server says: settings of HTTP/2.
GRPC_BEGINS = bytes.fromhex("000018040000000000000400400000000500400000000600004000fe0300000001")


ENROL = "/voice_template_factory/create_voice_template_from_file"


@contextlib.asynccontextmanager
async def saying(words: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that says this to whoever comes, and hangs up once it has been asked something."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        with contextlib.suppress(ConnectionError):
            await reader.read(1 << 16)
        writer.close()

    listening = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def silent(_talk: Talk) -> None:
    pass


async def connection(command: Command) -> None:
    async with connected(command, "/", Screen(as_json=False)):
        pass


async def told(*options: object, page: str | None = None) -> CommandError:
    """Why there is no connection to the socket, or to the page."""
    command = parse(["live", "a.wav", *map(str, options)])
    with pytest.raises(CommandError) as raised:
        await (request(command, "POST", page, data=b"") if page else connection(command))
    words = str(raised.value)
    assert words == harmless(words)
    assert not any(each in words for each in ("Errno", "message=", "\\x")), words
    return raised.value


def assert_no_gateway(error: CommandError, *words: str) -> None:
    assert error.status == 3
    assert all(each in str(error) for each in words), error


@pytest.mark.parametrize("status", [200, 400, 404, 405])
async def test_what_answers_like_another_server_is_no_gateway(status: int) -> None:
    """Triton's HTTP port says 404, that of its metrics 200."""
    async with server(silent, pages={"/": web.Response(status=status)}) as port:
        assert_no_gateway(await told("--port", port), "no speech gateway at ws://", f"status {status}")


async def test_a_template_that_nobody_there_makes_is_no_gateways_error() -> None:
    async with server(silent) as port:  # which takes no POST
        assert_no_gateway(await told("--port", port, page=ENROL), "no speech gateway at http://", "status 405")


async def test_a_server_of_grpc_is_told_as_another_protocol() -> None:
    async with saying(GRPC_BEGINS) as port:
        for page in (None, ENROL):
            assert_no_gateway(await told("--port", port, page=page), "another protocol", "Triton's gRPC")


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", GRPC_BEGINS])
async def test_a_server_without_tls_is_told_as_such(words: bytes) -> None:
    async with saying(words) as port:
        assert_no_gateway(await told("--tls", "--port", port), "speaks no TLS")


async def test_a_server_with_tls_is_told_as_such(tmp_path: Path) -> None:
    async with saying(b"", tls=certified(tmp_path)) as port:
        assert_no_gateway(await told("--port", port), "--tls")
        assert_no_gateway(await told("--tls", "--port", port), "certificate", "not to be trusted")


async def test_where_nothing_listens_or_no_host_is_there_is_no_gateway() -> None:
    (port,) = free_ports(1)
    assert_no_gateway(await told("--port", port), "Connection refused")
    assert_no_gateway(await told("--host", "no.such.host.invalid"), "there is no such host")


@pytest.mark.parametrize("host", ["[::1]", "1.2.3.4.5", "x" * 70 + ".com"])
async def test_what_is_no_hosts_name_is_a_wrong_command(host: str) -> None:
    for page in (None, ENROL):
        error = await told("--host", host, page=page)
        assert error.status == 2
        assert "there is no such address" in str(error)


async def test_the_reason_is_one_line_and_the_status_what_scripts_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(440, 0.4, 16000)))
    async with saying(GRPC_BEGINS) as port:
        ran = await run("summary", path, "--port", port)
    assert (ran.status, ran.output, ran.errors.count("\n")) == (3, "", 1)


def certified(directory: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody signed."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tests"
    files = directory / "certificate.pem", directory / "key.pem"
    subprocess.run([*new.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
