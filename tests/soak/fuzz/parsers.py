"""Everything that reads what others wrote, by itself: it refuses in its own words, or understands."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from multidict import CIMultiDict, MultiDict

from frontend import voice_template
from frontend.config import loading
from frontend.connection import handshake
from frontend.connection.event_framing import EventParser
from frontend.connection.framing import FrameParser
from frontend.errors import AudioError, ClientError, FramingError, LimitError, SettingsError, UnavailableError
from frontend.keys import files, places
from frontend.keys.hashed import hashed
from frontend.keys.tickets import Ticket, Tickets
from frontend.media import containers, json_audio
from frontend.protocols.base import object_of, rate_of
from frontend.protocols.deepgram import Deepgram
from frontend.recordings.record import Record
from frontend.speech import Manifest
from tests.frontend.conversations import context
from tests.frontend.fakes import VOICE
from tests.soak.fuzz.grammar import EVENTS, MANIFESTS, QUERIES, frames, media
from tests.soak.fuzz.spoiling import mangled, objects, one_of, scalars, texts, values, written

_ID = "0123456789abcdef" * 2
_SECTIONS = loading.DEFAULT_FILE.read_bytes().split(b"\n\n")
_YAML = st.sampled_from(
    (
        b"log: {level: INFO}",
        b"server: {max_connections: 7, allowed_origins: ['*']}\nports: {voice: 8080}",
        b"keys: {clients: ['a:b']}",
        b"x: &a [*a]",
        b"log: !!python/object:os.system {}",
        b"? [a]\n: b",
        b"log: {level: 2024-02-31}",
        b"triton: {models: [vad]}",
        b"limits: {held_bytes: 1e3}",
    )
)


@dataclass(frozen=True)
class Parser:
    """`read` raises one of `refusals`, or nothing."""

    name: str
    inputs: SearchStrategy[Any]
    read: Callable[[Any], object]
    refusals: tuple[type[Exception], ...] = ()

    def attempt(self, value: Any) -> None:
        try:
            self.read(value)
        except self.refusals as e:
            str(e).encode()  # what is told of it can be written


def _configuration(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        loading.load(Path(file.name), {})


def _environment(environ: dict[str, str]) -> None:
    loading.load(Path("/dev/null"), environ)


def _key_file(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        files.keys_in(Path(file.name))


def _streamed(data: tuple[bytes, int]) -> None:
    """Container by container, in pieces of any size; the packets are read as far as they come."""
    content, step = data
    demuxer = containers.demuxer_of(content)
    for start in range(0, len(content), max(1, step)):
        for packet in demuxer.feed(content[start : start + max(1, step)]):
            assert packet is None or isinstance(packet, bytes)


def _frames(data: tuple[bytes, int]) -> None:
    parser, (content, step) = FrameParser(1 << 16), data
    for start in range(0, len(content), max(1, step)):
        parser.feed(content[start : start + max(1, step)])
        while parser.next() is not None:
            pass


def _events(data: tuple[bytes, int]) -> None:
    parser, (content, step) = EventParser(1 << 16), data
    for start in range(0, len(content), max(1, step)):
        parser.feed(content[start : start + max(1, step)])
        while parser.next() is not None:
            pass


def _shown_keys(headers: dict[str, str]) -> None:
    shown = CIMultiDict(headers)
    places.keys_in(shown, MultiDict(headers), frozenset({"header", "query", "subprotocol"}))
    places.subprotocol(shown)


def _handshake(headers: dict[str, str]) -> None:
    shown = CIMultiDict(headers)
    handshake.check(shown)
    handshake.accepted(shown, {})


def _query(pairs: list[tuple[str, str]]) -> None:
    settings = context()
    Deepgram(type(settings)(settings.visit, settings.options, settings.manifests, query=MultiDict(pairs)))


def _cut(content: SearchStrategy[bytes]) -> SearchStrategy[tuple[bytes, int]]:
    return st.tuples(content, st.sampled_from((7, 101, 1000, 100_000)))


_TICKETS = Tickets(b"a secret of the fuzzer")
_template = st.sampled_from((voice_template.save(VOICE).encode(), b"VlRQMg==", b'"VlRQMQ=="'))
_key_lines = st.lists(
    st.sampled_from((b"# a comment", b"", hashed("a", "b", "0" * 32).line.encode(), b"a:sha256$00$00")), max_size=4
).map(b"\n".join)
_record = objects(
    {
        "export_id": st.just(_ID),
        "owner": one_of((None, "a")),
        "started": one_of((1.0, 2)),
        "ended": one_of((None, 3.0)),
        "rate": one_of((16000,)),
        "state": one_of(("running", "complete", "incomplete")),
        "audio_bytes": one_of((0, 320)),
    }
)
_headers = st.dictionaries(
    one_of(("key", "Authorization", "Sec-WebSocket-Protocol", "Connection", "Host", "Sec-WebSocket-Version"), texts),
    one_of(("Bearer K", "token, K", "openai-insecure-api-key.K", "Upgrade", "13", "a.b"), texts),
    max_size=6,
)
_keyed = st.tuples(_headers, one_of(("dGhlIHNhbXBsZSBub25jZQ==", "AAAA", "="), texts)).map(
    lambda pair: {
        **pair[0],
        "Host": "a",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": pair[1],
    }
)
_tickets = mangled(
    st.builds(Ticket, st.none() | st.text(max_size=5), st.integers(0, 2**40), st.just({})).map(
        lambda ticket: _TICKETS.issue(ticket).encode()
    )
).map(lambda data: data.decode(errors="surrogateescape"))

PARSERS = (
    Parser(
        "voice templates",
        mangled(_template),
        lambda data: voice_template.load(data.decode("latin-1"), VOICE.manifest),
        (AudioError,),
    ),
    Parser("media in streams", _cut(mangled(media, 6)), _streamed, (AudioError,)),
    Parser(
        "JSON with audio",
        written(objects({"type": one_of(("file",)), "audio": one_of(("AAAA", "data:x;base64,AA", "A\nA=="))})),
        json_audio.opened,
    ),
    Parser(
        "the configuration",
        st.one_of(mangled(_YAML), mangled(st.sampled_from(_SECTIONS))),
        _configuration,
        (SettingsError,),
    ),
    Parser(
        "the environment",
        st.dictionaries(
            one_of(("GATEWAY_LOG__LEVEL", "GATEWAY_KEYS__CLIENTS", "GATEWAY_X", "SERVER_API_KEY"), texts),
            mangled(_YAML).map(lambda data: data.decode("latin-1")),
            max_size=3,
        ),
        _environment,
        (SettingsError,),
    ),
    Parser("key files", mangled(_key_lines), _key_file, (SettingsError,)),
    Parser("keys in requests", _headers, _shown_keys),
    Parser("tickets", _tickets, _TICKETS.read),
    Parser("handshakes", st.one_of(_headers, _keyed), _handshake, (ClientError, KeyError)),
    Parser("manifests", written(MANIFESTS), Manifest.parse, (UnavailableError,)),
    Parser("Deepgram's query", QUERIES, _query, (ClientError,)),
    Parser(
        "Wyoming's events",
        _cut(mangled(st.lists(EVENTS, max_size=5).map(b"".join))),
        _events,
        (FramingError, LimitError),
    ),
    Parser("WebSocket frames", _cut(mangled(frames)), _frames, (FramingError, LimitError)),
    Parser("records of exports", written(_record), lambda data: Record.load(data, _ID), (ValueError,)),
    Parser("short JSON texts", written(values).map(lambda data: data.decode("latin-1")), object_of),
    Parser("sampling rates", scalars, rate_of, (ClientError,)),
)
