"""The messages of one connection that wait to be understood, and the bytes held for those not yet dealt with.

The reader puts everything in and goes on reading, so that Pings are answered whatever is worked on. Only a client that
is far ahead is slowed: nothing more is read from it until something has been dealt with.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass

from frontend.connection.outbox import Slot
from frontend.dialogue.commands import Message
from frontend.dialogue.messages import Frame, JsonMessage
from frontend.errors import GatewayError, NotTextError
from frontend.media import json_audio
from frontend.media.decoder import MediaDecoder
from frontend.memory.budget import Room
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import WireProtocol

# So much waits to be understood, which takes no model.
_WAITING_BYTES, _WAITING_MESSAGES = 4 << 20, 1024


@dataclass(eq=False)
class Letter:
    """One message on its way: what is held of it, and the slot of its answers."""

    content: Frame | Message | None
    slot: Slot
    held_bytes: int = 0


class Inbox:
    def __init__(self, limit_bytes: int, held: Room) -> None:
        self._limit_bytes = limit_bytes
        self._held = held
        self._held_bytes = 0
        self._waiting: deque[Letter] = deque()
        self._waiting_bytes = 0
        self._open: set[Letter] = set()
        self._arrived = asyncio.Event()
        self._dealt_with = asyncio.Event()

    async def put(self, frame: Frame, slot: Slot) -> None:
        """Keep a message; OverloadedError when the gateway's memory is full."""
        while self._is_full(frame.size_bytes):
            await self._next_dealt_with()
        letter = Letter(frame, slot)
        self._hold(letter, frame.size_bytes)
        self._waiting_bytes += letter.held_bytes
        self._open.add(letter)
        self._waiting.append(letter)
        self._arrived.set()

    async def take(self) -> Letter:
        """The oldest that waits; it stays held until it is put away."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        letter = self._waiting.popleft()
        self._waiting_bytes -= letter.held_bytes
        self._dealt_with.set()
        return letter

    async def understand(self, letter: Letter, protocol: WireProtocol, media: MediaDecoder | None) -> Message:
        """The message in a frame, which is held in place of what came."""
        frame = letter.content
        assert isinstance(frame, Frame)
        if frame.kind == "binary" and protocol.profile.takes_files and frame.kind not in protocol.profile.json_frames:
            message: Message = frame.content
        else:
            message = await _read(frame, protocol, media)
            frame.close()
        if isinstance(message, JsonMessage):
            self._hold(letter, message.audio.size_bytes if message.audio else 0)
        letter.content = message
        return message

    def put_away(self, letter: Letter) -> None:
        """It has been dealt with."""
        content, letter.content = letter.content, None
        if isinstance(content, JsonMessage):
            content = content.audio
        if isinstance(content, Frame | MemoryFile):
            content.close()
        self._hold(letter, 0)
        self._open.discard(letter)
        self._dealt_with.set()

    async def emptied(self) -> None:
        """Return when everything that came has been dealt with."""
        while self._open:
            await self._next_dealt_with()

    def clear(self) -> None:
        """Forget everything: the conversation is over."""
        self._waiting.clear()
        self._waiting_bytes = 0
        for letter in list(self._open):
            self.put_away(letter)

    def _is_full(self, size_bytes: int) -> bool:
        """One message has room always. Of audio that only waits for the disk there is never more than a little."""
        waiting_bytes = self._waiting_bytes + size_bytes
        ahead = len(self._waiting) >= _WAITING_MESSAGES or waiting_bytes > _WAITING_BYTES
        return bool(self._waiting and ahead) or bool(
            self._held_bytes and self._held_bytes + size_bytes > self._limit_bytes
        )

    async def _next_dealt_with(self) -> None:
        self._dealt_with.clear()
        await self._dealt_with.wait()

    def _hold(self, letter: Letter, size_bytes: int) -> None:
        change = size_bytes - letter.held_bytes
        if change > 0:
            self._held.take(change)
        else:
            self._held.give_back(-change)
        letter.held_bytes = size_bytes
        self._held_bytes += change


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as e:
        raise NotTextError("a text message is not UTF-8") from e


async def _read(frame: Frame, protocol: WireProtocol, media: MediaDecoder | None) -> str | bytes | JsonMessage:
    if frame.kind not in protocol.profile.json_frames:
        if frame.kind == "text" and protocol.profile.takes_files and isinstance(frame.content, MemoryFile):
            return ""  # refused whatever it says: not worth the time that reading it takes
        return _text(frame.data()) if frame.kind == "text" else frame.data()
    if media is not None and isinstance(frame.content, MemoryFile):
        return await _open_elsewhere(frame.content, media)
    if media is not None and not json_audio.is_simple(frame.data()):
        with contextlib.closing(MemoryFile()) as copy:
            copy.append(frame.data())
            return await _open_elsewhere(copy, media)
    small = json_audio.opened(frame.data())
    file = None
    if small.audio is not None:
        file = MemoryFile()
        file.append(small.audio)
    return JsonMessage(small.fields, small.error, file, small.audio_error)


async def _open_elsewhere(file: MemoryFile, media: MediaDecoder) -> JsonMessage:
    try:
        answer, audio = await media.envelope(file)
    except GatewayError as e:
        return JsonMessage(None, str(e))
    if not answer["has_audio"]:
        audio.close()
    return JsonMessage(answer["fields"], answer["error"], audio if answer["has_audio"] else None, answer["audio_error"])
