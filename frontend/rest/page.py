"""`/` for browsers: a page to speak into. It talks to the gateway as every client does."""

import html
from collections.abc import Mapping
from pathlib import Path

from aiohttp import hdrs, web

from frontend.connection.shared import SHARED
from frontend.errors import NotFoundError
from frontend.speech import ASR

FOLDER = Path(__file__).parents[1] / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# Nothing but what comes from here, and nobody may frame it: `self` holds for sockets too (CSP 3, 6.7.2.8).
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    hdrs.CACHE_CONTROL: "no-cache",
    hdrs.VARY: hdrs.ACCEPT,
}
_INDEX = "index.html"
_LANGUAGES = "<!--languages-->"


def _read() -> Mapping[str, str]:
    return {path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.suffix in _TYPES}


FILES = _read()


def wants_page(request: web.Request) -> bool:
    """Browsers name HTML first of all; other clients do not name it."""
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def index(request: web.Request) -> web.Response:
    """With the languages that the recogniser which serves knows."""
    manifest = request.app[SHARED].speech.manifest(ASR)
    languages = manifest.languages if manifest else ()
    options = "".join(f'<option value="{html.escape(language)}"></option>' for language in languages)
    return served(_INDEX, FILES[_INDEX].replace(_LANGUAGES, options))


async def part(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in FILES or name == _INDEX:
        raise NotFoundError(f"the page has no part {name[:40]!r}")
    return served(name, FILES[name])


def served(name: str, text: str) -> web.Response:
    kind = _TYPES[Path(name).suffix]
    return web.Response(text=text, content_type=kind, charset="utf-8", headers=_HEADERS)


ROUTES = (web.get("/page/{name}", part),)
