"""Which HTTP requests open a WebSocket (RFC 6455, 4.2.1), and what is said of those that do not."""

import pytest
from aiohttp.http import HttpVersion, HttpVersion10, HttpVersion11
from multidict import CIMultiDict

from frontend.connection import handshake
from frontend.errors import ClientError, UpgradeRequiredError

GOOD = (
    ("Host", "here"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
)


def headers(**others: str | None) -> CIMultiDict[str]:
    """Good ones but for these, where None leaves one out."""
    given = CIMultiDict(GOOD)
    for name, value in others.items():
        given.popall(name.replace("_", "-"), None)
        if value is not None:
            given.add(name.replace("_", "-"), value)
    return given


@pytest.mark.parametrize(
    ("method", "version", "upgrade", "attempted"),
    [
        ("GET", HttpVersion11, "websocket", True),
        ("GET", HttpVersion11, "WebSocket", True),
        ("GET", HttpVersion11, None, False),
        ("GET", HttpVersion11, "h2c", False),
        ("GET", HttpVersion10, "websocket", False),
        ("POST", HttpVersion11, "websocket", False),
        ("HEAD", HttpVersion11, "websocket", False),
    ],
)
def test_only_get_in_http_1_1_asks_for_an_upgrade(
    method: str, version: HttpVersion, upgrade: str | None, attempted: bool
) -> None:
    assert handshake.is_attempted(method, version, headers(upgrade=upgrade)) is attempted


@pytest.mark.parametrize("connection", ["Upgrade", "upgrade", "keep-alive, Upgrade", "close ,UPGRADE,x"])
def test_connection_is_a_list_of_tokens_in_any_case(connection: str) -> None:
    handshake.check(headers(connection=connection))
    several = headers(connection=connection)
    several.add("Connection", "keep-alive")
    handshake.check(several)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (headers(connection=None), "Connection"),
        (headers(connection="keep-alive"), "Connection"),
        (headers(connection="not-upgrade"), "Connection"),
        (headers(host=None), "Host"),
        (headers(sec_websocket_key=None), "Key"),
        (headers(sec_websocket_key=""), "Key"),
        (headers(sec_websocket_key="dGhlIHNhbXBsZSBub25j"), "Key"),
        (headers(sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ"), "Key"),
        (headers(sec_websocket_key="dGhlIHNhbXBsZSBub25jZ\xe4=="), "Key"),
        (headers(sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==!"), "Key"),
        (CIMultiDict((*GOOD, GOOD[3])), "Key"),
        (headers(sec_websocket_protocol="caf\udce9, openai-insecure-api-key.K"), "Protocol"),
    ],
)
def test_a_handshake_that_lacks_something_is_told_what(wrong: CIMultiDict[str], told: str) -> None:
    with pytest.raises(ClientError, match=told) as raised:
        handshake.check(wrong)
    assert raised.value.status == 400


@pytest.mark.parametrize("version", [None, "", "8", "12", "14", "13, 8", "013"])
def test_another_version_of_the_protocol_is_told_which_one_is_spoken(version: str | None) -> None:
    with pytest.raises(UpgradeRequiredError, match="must be 13") as raised:
        handshake.check(headers(sec_websocket_version=version))
    assert raised.value.status == 426
    assert handshake.OFFER == {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


def test_the_answer_proves_that_the_key_was_read() -> None:
    """The RFC's own example (1.3)."""
    head, _, body = handshake.accepted(headers(), {"X-Connection-Id": "cafe0123"}).decode().partition("\r\n\r\n")
    assert body == ""
    assert head.split("\r\n") == [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "X-Connection-Id: cafe0123",
    ]
