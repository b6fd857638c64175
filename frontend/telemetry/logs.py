"""Structured logs: one line an event, `key=value` text or JSON, each line of a connection beginning with its id.

Values are facts about the work (counts, lengths, codes); keys, templates, audio and transcripts are never passed in.
"""

import datetime
import json
import logging
import sys
import warnings
from typing import Any

ROOT = "gateway"
_SERVER = "aiohttp.server"


class Log:
    """What one component or connection writes with."""

    def __init__(self, name: str, connection_id: str = "") -> None:
        self._logger = logging.getLogger(f"{ROOT}.{name}")
        self._connection_id = connection_id

    def info(self, event: str, **facts: Any) -> None:
        self._write(logging.INFO, event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        self._write(logging.WARNING, event, facts)

    def exception(self, event: str, error: BaseException, **facts: Any) -> None:
        """An error nobody expected: where it happened is logged, its message is not (it may quote a client's data)."""
        self._write(logging.ERROR, event, facts | _cause(error))

    def _write(self, level: int, event: str, facts: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            extra = {"connection_id": self._connection_id, "facts": facts}
            self._logger.log(level, event, extra=extra)


class _Formatter(logging.Formatter):
    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        connection_id = getattr(record, "connection_id", "")
        facts = getattr(record, "facts", {})
        if record.exc_info and record.exc_info[1]:  # a library's
            facts = facts | _cause(record.exc_info[1])
        name = record.name.removeprefix(f"{ROOT}.")
        if self._as_json:
            line = {"time": moment, "level": record.levelname, "component": name, "event": record.getMessage()}
            if connection_id:
                line["connection_id"] = connection_id
            text = json.dumps(line | facts, ensure_ascii=False, default=str)
            return text if text.isprintable() else json.dumps(line | facts, default=str)
        pairs = "".join(f" {key}={_printable(value)}" for key, value in facts.items())
        prefix = f"{connection_id} " if connection_id else ""
        return f"{prefix}{moment} {record.levelname} {name}: {record.getMessage()}{pairs}"


def _cause(error: BaseException) -> dict[str, str]:
    """The kind of an error and where it happened."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return {"error": type(error).__name__, "at": " > ".join(frames[-6:])}


def is_strangers(record: logging.LogRecord) -> bool:
    """Whether a library tells of a request that is none: it was answered, and anybody can send one."""
    error = record.exc_info[1] if record.exc_info else None
    return record.name == _SERVER and 400 <= getattr(error, "code", 0) < 500


def _no_error_of_strangers(record: logging.LogRecord) -> bool:
    if is_strangers(record):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def _printable(value: Any) -> str:
    """A value that cannot break the line it stands in."""
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text, ensure_ascii=not text.isprintable())


def configure(level: str, as_json: bool) -> None:
    """Send the gateway's logs, and the warnings of the libraries below it, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # They quote what clients sent, and each new text is remembered for ever.
    warnings.simplefilter("ignore")
    # It would print what clients offer as subprotocols, where some put their keys.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    logging.getLogger(_SERVER).addFilter(_no_error_of_strangers)
    logging.getLogger(ROOT).setLevel(level)
