"""`/docs`: what is asked over HTTP and said over sockets, described for programs and for people."""

import asyncio
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from frontend.errors import NotFoundError
from frontend.rest.description_page import written
from frontend.rest.page import served

FOLDER = Path(__file__).parents[1] / "descriptions"
OPENAPI, ASYNCAPI = "openapi", "asyncapi"


def _read() -> Mapping[str, str]:
    return {name: (FOLDER / f"{name}.yaml").read_text("utf-8") for name in (OPENAPI, ASYNCAPI)}


TEXTS = _read()


@functools.cache
def content(name: str) -> Mapping[str, Any]:
    """Of one of them; it takes a hundred milliseconds, once."""
    described: Mapping[str, Any] = yaml.load(TEXTS[name], yaml.CSafeLoader)
    return described


async def index(_: web.Request) -> web.Response:
    return served("docs.html", await asyncio.to_thread(_page))


async def part(request: web.Request) -> web.Response:
    name, _, kind = request.match_info["name"].partition(".")
    if name not in TEXTS or kind not in _FORMS:
        raise NotFoundError("there are openapi and asyncapi, each as .yaml and as .json")
    content_type, write = _FORMS[kind]
    return web.Response(text=await asyncio.to_thread(write, name), content_type=content_type)


@functools.cache
def _page() -> str:
    return written(content(OPENAPI), content(ASYNCAPI))


@functools.cache
def _json(name: str) -> str:
    return json.dumps(content(name))


_FORMS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "yaml": ("application/yaml", TEXTS.__getitem__),
    "json": ("application/json", _json),
}

ROUTES = (web.get("/docs", index), web.get("/docs/{name}", part))
