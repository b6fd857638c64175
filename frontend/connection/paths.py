"""Which protocol an upgrade is for: by its path, else by the port it came to."""

import re
from collections.abc import Iterable, Mapping

from frontend.errors import NotFoundError
from frontend.protocols import WEBSOCKETS
from frontend.protocols.base import WireProtocol
from frontend.protocols.first_frame import FirstFrame
from frontend.protocols.whisper import Whisper

_WORD = re.compile(r"/([a-z0-9]+)")


class Paths:
    def __init__(self, endpoints: Iterable[str] = ()) -> None:
        """`endpoints` are the paths of what is served beside the sockets."""
        self._by_path: Mapping[str, type[WireProtocol]] = {each.profile.path: each for each in WEBSOCKETS}
        self._by_name: Mapping[str, type[WireProtocol]] = {each.profile.name: each for each in WEBSOCKETS}
        self._words = {_first_word(path) for path in (*self._by_path, *endpoints)} - {""}

    def protocol(self, path: str, port_name: str) -> type[WireProtocol]:
        """A trailing slash means the path without it; what no protocol names belongs to the port's owner.

        But a path that begins with the first word of a known one was meant for that: NotFoundError, where it would
        otherwise become a live transcription with an export that nobody asked for.
        """
        path = path.removesuffix("/")
        owner = self._by_name.get(port_name, FirstFrame)
        if path in self._by_path:
            return self._by_path[path]
        if owner is not Whisper and path.lstrip("/").lower().startswith(tuple(self._others(owner))):
            raise NotFoundError("there is no such path: is it spelled right?")
        return owner

    def _others(self, owner: type[WireProtocol]) -> set[str]:
        return self._words - {_first_word(owner.profile.path)}


def _first_word(path: str) -> str:
    """`speech` of `/speech_summary_stream`."""
    found = _WORD.match(path)
    return found[1] if found else ""
