"""Logs: one line an event, the connection's id in front, nothing of the clients' in them."""

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest
from aiohttp.http_exceptions import BadStatusLine

from frontend.telemetry import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged, with the loggers put back afterwards."""
    root, gateway = logging.getLogger(), logging.getLogger(logs.ROOT)
    before = (root.handlers[:], root.level, gateway.level)
    yield io.StringIO()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    gateway.setLevel(before[2])


def configured(written: io.StringIO, as_json: bool) -> logs.Log:
    logs.configure("INFO", as_json)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    return logs.Log("session", "cafe0123")


def test_a_line_begins_with_the_connections_id(written: io.StringIO) -> None:
    configured(written, as_json=False).info("closed", code=1000, reason="all is well")
    line = written.getvalue()
    assert line.startswith("cafe0123 ")
    assert line.endswith('INFO session: closed code=1000 reason="all is well"\n')


def test_json_holds_the_same_facts(written: io.StringIO) -> None:
    configured(written, as_json=True).warning("refused", code="protocol")
    line = json.loads(written.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "component": "session",
        "event": "refused",
        "connection_id": "cafe0123",
        "code": "protocol",
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_a_value_cannot_forge_a_second_line(written: io.StringIO, as_json: bool) -> None:
    configured(written, as_json).info(
        "connected", path="/x\n00000000 2030 INFO session: closed", name="a\x9b31m\x85b\u2028"
    )
    assert written.getvalue().count("\n") == 1
    assert written.getvalue().rstrip("\n").isprintable()


@pytest.mark.parametrize("as_json", [True, False])
def test_an_unexpected_error_is_placed_but_not_quoted(written: io.StringIO, as_json: bool) -> None:
    log = configured(written, as_json)
    try:
        raise RuntimeError("a client's secret")
    except RuntimeError as e:
        log.exception("the session failed", e)
        logging.getLogger("aiohttp.server").exception("Error handling request")
    lines = written.getvalue().splitlines()
    assert len(lines) == 2
    assert all("RuntimeError" in line and "test_logs.py:" in line and "secret" not in line for line in lines)


def test_a_request_that_is_none_is_no_error_of_ours(written: io.StringIO) -> None:
    """Anybody can send one: who is woken by errors sleeps on."""
    configured(written, as_json=False)
    for error in (BadStatusLine("GET a client's secret"), RuntimeError("of ours")):
        logging.getLogger("aiohttp.server").error("Error handling request", exc_info=error)
    theirs, ours = written.getvalue().splitlines()
    assert " WARNING aiohttp.server: " in theirs
    assert "secret" not in theirs
    assert " ERROR aiohttp.server: " in ours


def test_what_libraries_warn_of_clients_is_neither_shown_nor_remembered(written: io.StringIO) -> None:
    configured(written, as_json=False)
    registry: dict[str | tuple[str, type[Warning], int], int] = {}
    warnings.warn_explicit("a client's secret", UserWarning, "multipart.py", 184, registry=registry)
    assert written.getvalue() == ""
    assert not any("secret" in str(each) for each in registry)


def test_less_than_the_level_is_not_written(written: io.StringIO) -> None:
    configured(written, as_json=False)
    logging.getLogger(f"{logs.ROOT}.x").debug("quiet")
    assert written.getvalue() == ""
