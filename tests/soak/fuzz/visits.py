"""Clients of the gateway on its real sockets, each of which says one thing and is seen to its end."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from frontend.connection.framing import CLOSE
from frontend.protocols import WEBSOCKETS
from frontend.rest import ROUTES
from tests.frontend.connection.rfc6455 import frame
from tests.soak.fuzz.grammar import ANYTHING, EVENTS, FILES, QUERIES, SPOKEN, TEMPLATE, Said, frames, media
from tests.soak.fuzz.house import KEY, House
from tests.soak.fuzz.spoiling import mangled, objects, one_of, texts, written

_ANSWER_SECONDS = 30.0
_GLANCE_SECONDS = 0.02
_TURNS = 10
_CLOSING = frame(CLOSE, b"\x03\xe8")
End = Literal["close", "half", "reset"]
_ends: SearchStrategy[End] = st.sampled_from(("close", "close", "close", "half", "reset"))


@dataclass(frozen=True)
class Visit:
    """What is sent to a port. Whoever is `complete` gets an answer, and the connection ends; others leave."""

    port: str
    data: bytes
    complete: bool = True
    end: End = "close"


_PARTS = (
    b'--B\r\nContent-Disposition: form-data; name="wav_file"; filename="a.wav"\r\n\r\n' + FILES[0] + b"\r\n--B--\r\n"
)
# After it the process that decodes has been started.
FIRST = Visit(
    "rest",
    b"POST /speech_summary_engine/get_speech_summary_from_file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: %d\r\n\r\n%s" % (len(_PARTS), _PARTS),
)


async def attempt(house: House, visit: Visit) -> None:
    """Nothing that the client does is the gateway's fault, and it is told so in time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.ports[visit.port], limit=1 << 24)
    heard = b""
    try:
        with contextlib.suppress(ConnectionError):
            _say(writer, visit)
            heard = b"" if visit.end == "reset" else await _heard(reader, visit)
    finally:
        writer.transport.abort()
        for _ in range(_TURNS):  # of the event loop: what comes of it is seen here, and not in the next
            await asyncio.sleep(0)
    house.faults.check()
    assert not heard.startswith(b"HTTP/1.1 500"), heard[:300]
    assert b"internal error" not in heard, heard[-300:]


def _say(writer: asyncio.StreamWriter, visit: Visit) -> None:
    writer.write(visit.data)
    if visit.end == "half":
        writer.write_eof()
    elif visit.end == "reset":
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


async def _heard(reader: asyncio.StreamReader, visit: Visit) -> bytes:
    if visit.complete:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await reader.read()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GLANCE_SECONDS):
            return await reader.read(1 << 16)
    return b""


@st.composite
def _head(draw: st.DrawFn, first: SearchStrategy[str], headers: Mapping[str, SearchStrategy[str]]) -> bytes:
    lines = [draw(first), "Host: localhost"]
    lines += [f"{name}: {draw(value)}" for name, value in headers.items()]
    if draw(st.booleans()):
        lines.append(f"key: {draw(st.sampled_from((KEY, 'no key')))}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode(errors="surrogatepass")


def _path(path: str, query: SearchStrategy[Any]) -> SearchStrategy[str]:
    return query.map(lambda pairs: path + ("?" if pairs else "") + "&".join(f"{_text(a)}={_text(b)}" for a, b in pairs))


def _text(value: Any) -> str:
    return quote(str(value).encode(errors="surrogatepass"))


_UPGRADE = {
    "Upgrade": st.just("websocket"),
    "Connection": st.just("Upgrade"),
    "Sec-WebSocket-Version": st.just("13"),
    "Sec-WebSocket-Key": st.just("dGhlIHNhbXBsZSBub25jZQ=="),
}


@st.composite
def _talk(draw: st.DrawFn, path: str, spoken: SearchStrategy[Said]) -> Visit:
    """A client of a protocol, in whole frames; in the end it says good-bye, or does not."""
    asked = QUERIES if path == "/v1/listen" else st.one_of(st.just([]), QUERIES)
    query = draw(asked)
    if path == "/v1/listen" and draw(st.booleans()):
        query = [("encoding", "linear16"), ("sample_rate", "16000")]
    head = draw(_head(st.just(f"GET {draw(_path(path, st.just(query)))} HTTP/1.1"), _UPGRADE))
    said = b"".join(frame(*each) for each in draw(st.lists(spoken, max_size=12)))
    return Visit("voice", head + said + _CLOSING, end=draw(_ends))


@st.composite
def _raw_talk(draw: st.DrawFn, path: str) -> Visit:
    """Frames that are none, or handshakes."""
    head = draw(mangled(_head(st.just(f"GET {path} HTTP/1.1"), _UPGRADE), 2))
    return Visit("live", head + draw(mangled(frames)) + _CLOSING, complete=False, end=draw(_ends))


@st.composite
def _events(draw: st.DrawFn) -> Visit:
    data = draw(mangled(st.lists(EVENTS, max_size=10).map(b"".join), 2))
    return Visit("wyoming", data, complete=False, end=draw(_ends))


_form = st.sampled_from(("wav_file", "audio_file", "file", "model", "language", "response_format", "stream", "x[]"))
_values = one_of(("whisper-1", "en", "json", "verbose_json", "srt", "true", "word", "0.5"), texts)


@st.composite
def _multipart(draw: st.DrawFn) -> bytes:
    parts = []
    for _ in range(draw(st.integers(0, 5))):
        name = draw(_form)
        content = draw(mangled(media, 2)) if "file" in name else draw(_values).encode(errors="surrogatepass")
        file = '; filename="a.wav"' if "file" in name else ""
        parts.append(f'--B\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n")
    return b"".join(parts) + b"--B--\r\n"


_json = written(
    objects(
        {
            "templates": st.lists(one_of((TEMPLATE,)), max_size=3),
            "template1": one_of((TEMPLATE,)),
            "template2": one_of((TEMPLATE,)),
            "session": objects({"type": one_of(("transcription",))}),
            "expires_after": objects({"seconds": one_of((10, 7200)), "anchor": one_of(("created_at",))}),
        }
    )
)
_BODIES: Mapping[str, SearchStrategy[bytes]] = {
    "multipart/form-data; boundary=B": st.one_of(_multipart(), mangled(_multipart())),
    "application/octet-stream": st.one_of(st.just(bytes(3200)), mangled(media, 2)),
    "application/json": _json,
    "text/plain": _json,
    "audio/wav": mangled(media, 2),
}
_asked = st.lists(
    st.tuples(
        one_of(("sample_rate", "format", "model", "language", "token", "punctuate", "utterances"), texts),
        one_of(("16000", "8000", "json", "srt", "vtt", "en", "true"), texts),
    ),
    max_size=4,
)


@st.composite
def _request(draw: st.DrawFn, method: str, path: str) -> Visit:
    path = path.replace("{id}", draw(st.sampled_from(("0" * 32, "x", "%2e%2e", "%00"))))
    path = path.replace("{name}", draw(st.sampled_from(("page.js", "..", "%2e%2e%2fapp.py")))).replace(
        "{model}", "whisper-1"
    )
    kind = draw(st.sampled_from(sorted(_BODIES)))
    body = draw(_BODIES[kind]) if method == "POST" else b""
    if draw(st.booleans()) and method == "POST":
        framing = {"Transfer-Encoding": st.just("chunked")}
        data = (
            b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (body[:1000], body[1000:]) if each) + b"0\r\n\r\n"
        )
    else:
        framing, data = {"Content-Length": st.just(str(len(body)))}, body
    first = _path(path, _asked).map(lambda target: f"{method} {target} HTTP/1.1")
    accept = st.sampled_from(("*/*", "application/json", "text/html", "text/plain"))
    headers = {**framing, "Content-Type": st.just(kind), "Accept": accept, "Connection": st.just("close")}
    return Visit("rest", draw(_head(first, headers)) + data, end=draw(_ends))


@st.composite
def _raw_request(draw: st.DrawFn) -> Visit:
    """Heads and bodies that say other things than they should."""
    route = draw(st.sampled_from(ROUTES))
    visit = draw(_request(route.method, route.path))
    return Visit("rest", draw(mangled(st.just(visit.data))), complete=False, end=draw(_ends))


VISITS: Mapping[str, SearchStrategy[Visit]] = {
    **{each.profile.path: _talk(each.profile.path, SPOKEN.get(each.profile.name, ANYTHING)) for each in WEBSOCKETS},
    **{f"POST {route.path}": _request("POST", route.path) for route in ROUTES if route.method == "POST"},
    "GET and DELETE": st.sampled_from([route for route in ROUTES if route.method != "POST"]).flatmap(
        lambda route: _request(route.method, route.path)
    ),
    "frames and handshakes": st.sampled_from(WEBSOCKETS).flatmap(lambda each: _raw_talk(each.profile.path)),
    "Wyoming": _events(),
    "requests": _raw_request(),
}
