"""Reads config.pbtxt as Triton does, into the JSON that its API gives: with the standard library alone.

Of the text format what such files use: messages and lists, strings, numbers, names, comments.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

TOKEN = re.compile(r'\s+|#[^\n]*|(?P<token>"(?:[^"\\\n]|\\.)*"|[\w.+-]+|[\[\]{}:,;<>])')
# Fields that hold several values, those that the files of a repository have; lists all the same when they hold one.
REPEATED = {"input", "output", "dims", "shape", "instance_group", "gpus", "model_warmup", "versions"}
REPEATED |= {"gpu_execution_accelerator", "cpu_execution_accelerator", "batch_input", "batch_output"}
MAPS = {"parameters", "inputs"}  # messages of a key and a value


class ConfigurationError(ValueError):
    """config.pbtxt cannot be read. The text says where."""


def read(path: Path) -> dict[str, Any]:
    try:
        return parse(path.read_text("utf-8"))
    except (AttributeError, OSError, TypeError, ValueError) as error:  # what is no UTF-8 as well
        raise ConfigurationError(f"{path}: {error}") from error


def parse(text: str) -> dict[str, Any]:
    reader = _Reader(_tokens(text))
    message = reader.message(end="")
    return message


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise ConfigurationError(f"line {text.count(chr(10), 0, place) + 1} is not understood")
        if match["token"]:
            found.append(match["token"])
        place = match.end()
    return [*found, ""]


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._place = tokens, 0

    def _next(self) -> str:
        token = self._tokens[self._place]
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def _skip(self, *tokens: str) -> bool:
        if self._tokens[self._place] not in tokens:
            return False
        self._next()
        return True

    def message(self, end: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (name := self._next()) != end:
            if not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise ConfigurationError(f"{name or 'the end'!r} stands where a field's name should")
            self._skip(":")
            values = self._values()
            self._skip(",", ";")
            _add(found, name, values)
        return found

    def _values(self) -> list[Any]:
        if not self._skip("["):
            return [self._value()]
        values: list[Any] = []
        while not self._skip("]"):
            values.append(self._value())
            self._skip(",")
        return values

    def _value(self) -> Any:
        token = self._next()
        if token in ("{", "<"):
            return self.message("}" if token == "{" else ">")
        if token.startswith('"'):
            return token[1:-1].encode().decode("unicode_escape").encode("latin-1").decode("utf-8")
        if token in ("true", "false"):
            return token == "true"
        if re.fullmatch(r"[+-]?\d+", token):
            return int(token)
        if re.fullmatch(r"[\w.+-]+", token):
            return token
        raise ConfigurationError(f"{token or 'the end'!r} stands where a value should")


def _add(found: dict[str, Any], name: str, values: list[Any]) -> None:
    if name in MAPS:
        found.setdefault(name, {}).update({each.get("key", ""): each.get("value", {}) for each in values})
    elif name in REPEATED:
        found.setdefault(name, []).extend(values)
    else:
        found[name] = values[-1]
