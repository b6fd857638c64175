"""On a port that no protocol owns: the first frame says which one it is."""

import dataclasses
import json
from collections.abc import Iterator, Mapping

from frontend.dialogue.commands import Command
from frontend.dialogue.events import Event
from frontend.dialogue.messages import Message, RawMessage
from frontend.media import json_audio
from frontend.protocols.base import Context, WireProtocol
from frontend.protocols.live import LiveTranscription
from frontend.protocols.whisper import Whisper


class FirstFrame(WireProtocol):
    """A JSON object with a `type` begins a whisper conversation, anything else a live transcription."""

    # What it takes until then must do for either.
    profile = dataclasses.replace(
        Whisper.profile,
        path="",
        name="first_frame",
        models=(*Whisper.profile.models, *LiveTranscription.profile.models),
        json_frames=frozenset(),
        keys=LiveTranscription.profile.keys,
        settles_as=(Whisper.profile.name, LiveTranscription.profile.name),
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self._live = LiveTranscription(context)

    def headers(self) -> Mapping[str, str]:
        return self._live.headers()

    def begin(self) -> Iterator[Command]:
        return self._live.begin()

    def settled(self, frame: RawMessage) -> WireProtocol:
        # Who has not shown a key can only be about to do so as live's clients do.
        is_whisper = not self._context.needs_key and _has_type(frame)
        settled = Whisper(self._context) if is_whisper else self._live
        self._context.visit.settle(settled.profile.name)
        return settled

    def receive(self, message: Message) -> Iterator[Command]:
        raise NotImplementedError

    def send(self, event: Event) -> Iterator[Command]:
        return self._live.send(event)


def _has_type(frame: RawMessage) -> bool:
    if not isinstance(frame.content, bytes):  # no message of live transcription is so large, and none is read twice
        return bytes(frame.content.view()[:1]) == b"{"
    if not frame.content.lstrip().startswith(b"{"):
        return False
    if not json_audio.is_simple(frame.content):  # as little is a client's config
        return True
    try:
        content = json.loads(frame.content)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "type" in content
