"""TLS: who is served, who is told where to go, and how a certificate is exchanged."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientSSLError, web

from frontend.config.settings import Server, Tls
from frontend.connection.heads import Heads
from frontend.connection.tls import Certificate, Greeter, TlsSite
from frontend.errors import SettingsError
from tests.authority import Authority


def options(authority: Authority, **more: float) -> Tls:
    certificate, key = authority.write()
    return Tls(str(certificate), str(key), **more)


@contextlib.asynccontextmanager
async def serving(certificate: Certificate, handshake_seconds: float = 5.0) -> AsyncIterator[int]:
    """The port of a listener whose answer is `here`."""
    app = web.Application()

    async def here(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    app.router.add_get("/", here)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server
    greeter = Greeter(certificate, Heads(runner.server, Server()), handshake_seconds)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        await TlsSite(runner, listening, greeter).start()
        yield listening.getsockname()[1]
        await greeter.close()
        await runner.cleanup()


async def said(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    answer = await reader.read()
    writer.close()
    return answer


async def shown(port: int, authority: Authority, version: ssl.TLSVersion | None = None) -> int:
    """The serial number of the certificate that a new connection gets."""
    trusting = authority.trusting
    if version:
        trusting.maximum_version = version
    _, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return int(certificate["serialNumber"], 16)


async def test_who_trusts_the_authority_is_served_by_name_and_by_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(Certificate(options(authority))) as port, ClientSession() as client:
        for host in ("localhost", "127.0.0.1"):
            async with client.get(f"https://{host}:{port}/", ssl=authority.trusting) as response:
                assert await response.text() == "here"


async def test_who_trusts_another_authority_is_not(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    foreign = Authority(tmp_path / "other")
    async with serving(Certificate(options(Authority(tmp_path)))) as port, ClientSession() as client:
        with pytest.raises(ClientSSLError, match="certificate"):
            await client.get(f"https://localhost:{port}/", ssl=foreign.trusting)


async def test_a_page_without_tls_is_sent_on(tmp_path: Path) -> None:
    async with serving(Certificate(options(Authority(tmp_path)))) as port:
        answer = await said(port, b"GET /docs?a=%20b HTTP/1.1\r\nHost: localhost:81\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 308 ")
    assert b"Location: https://localhost:81/docs?a=%20b\r\n" in answer


@pytest.mark.parametrize("head", ["POST / HTTP/1.1", "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket"])
async def test_what_cannot_be_sent_on_is_told_to_speak_tls(tmp_path: Path, head: str) -> None:
    async with serving(Certificate(options(Authority(tmp_path)))) as port:
        answer = await said(port, f"{head}\r\nHost: here\r\n\r\n".encode())
    lines, _, body = answer.partition(b"\r\n\r\n")
    assert lines.startswith(b"HTTP/1.1 426 ")
    assert b"Upgrade: TLS/1.2, HTTP/1.1" in lines
    assert "wss://" in json.loads(body)["message"]


async def test_versions_before_1_2_are_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(Certificate(options(authority))) as port:
        assert await shown(port, authority, ssl.TLSVersion.TLSv1_2)
        old = authority.trusting
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection("localhost", port, ssl=old)


async def test_a_certificate_that_has_expired_is_trusted_by_nobody(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.write(expired=True)
    async with serving(Certificate(Tls(str(certificate), str(key)))) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
            await shown(port, authority)


async def test_every_cipher_that_is_taken_has_forward_secrecy_and_authenticates_what_it_encrypts(
    tmp_path: Path,
) -> None:
    """As scanners of servers do it: all that this machine's OpenSSL can offer, one by one."""
    authority = Authority(tmp_path)
    certificate = Certificate(options(authority))
    everything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    everything.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    known = {each["name"]: each for each in everything.get_ciphers() if each["protocol"] != "TLSv1.3"}
    async with serving(certificate) as port:
        taken = [name for name in known if await is_taken(port, authority, name)]
        _, writer = await asyncio.open_connection("localhost", port, ssl=authority.trusting)
        agreed = writer.get_extra_info("ssl_object")
        assert agreed.version() == "TLSv1.3"
        assert agreed.compression() is None
        writer.close()
    assert len(known) > 30
    assert taken
    assert all(known[name]["aead"] and "ecdhe" in known[name]["kea"] for name in taken), taken
    assert certificate.context.options & ssl.OP_NO_RENEGOTIATION


async def is_taken(port: int, authority: Authority, cipher: str) -> bool:
    only = authority.trusting
    only.maximum_version = ssl.TLSVersion.TLSv1_2
    only.set_ciphers(f"{cipher}:@SECLEVEL=0")
    try:
        _, writer = await asyncio.open_connection("localhost", port, ssl=only)
    except (ssl.SSLError, ConnectionResetError):
        return False
    writer.close()
    return True


async def test_nothing_but_http_1_1_is_agreed_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    asking = authority.trusting
    asking.set_alpn_protocols(["h2", "http/1.1"])
    async with serving(Certificate(options(authority))) as port:
        _, writer = await asyncio.open_connection("localhost", port, ssl=asking)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        writer.close()


async def test_who_says_nothing_and_who_says_nonsense_are_hung_up_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(Certificate(options(authority)), handshake_seconds=0.3) as port:
        assert await said(port, b"") == b""
        assert b"HTTP/1.1" not in await said(port, b"\x16nonsense" + bytes(100))
        assert await said(port, b"\x16") == b""  # and no more: the handshake has its time too
        assert await shown(port, authority)


async def test_a_new_certificate_is_shown_to_new_connections(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = Certificate(options(authority))
    async with serving(certificate) as port, ClientSession() as client:
        first = await shown(port, authority)
        async with client.get(f"https://localhost:{port}/", ssl=authority.trusting) as response:
            assert response.status == 200
        authority.write()
        await certificate.refresh()
        assert await shown(port, authority) != first
        async with client.get(f"https://localhost:{port}/", ssl=authority.trusting) as response:  # the old connection
            assert response.status == 200


async def test_a_certificate_that_cannot_be_used_changes_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    certificate = Certificate(options(authority))
    async with serving(certificate) as port:
        first = await shown(port, authority)
        (tmp_path / "certificate.pem").write_text("half of a certificate")
        for _ in range(2):
            await certificate.refresh()
        assert await shown(port, authority) == first
    told = [record for record in caplog.records if "certificate stays" in record.getMessage()]
    assert len(told) == 1


@pytest.mark.parametrize("content", [None, "", "no PEM"])
def test_files_that_are_no_certificate_are_told_at_the_start(tmp_path: Path, content: str | None) -> None:
    known = options(Authority(tmp_path))
    path = Path(known.certificate)
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match="tls: "):
        Certificate(known)


def test_the_key_of_another_certificate_is_told_at_the_start(tmp_path: Path) -> None:
    known = options(Authority(tmp_path))
    (tmp_path / "other").mkdir()
    with pytest.raises(SettingsError, match="do not go together"):
        Certificate(Tls(known.certificate, options(Authority(tmp_path / "other")).key))
