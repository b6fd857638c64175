"""What the parent and a worker say to each other: short messages, each with open files where it needs them."""

import array
import asyncio
import json
import os
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from frontend.telemetry.logs import Log

_MAX_BYTES = 1 << 16
_MAX_FILES = 250  # the system's own limit is 253
_LOG = Log("workers")


class Word(StrEnum):
    # The parent's.
    BEGIN = "begin"
    INHERIT = "inherit"
    TELL_FIGURES = "tell figures"
    ALL_FIGURES = "all figures"
    CONNECTION = "connection"
    # A worker's.
    LISTENING = "listening"
    WANT_FIGURES = "want figures"
    FIGURES = "figures"


@dataclass(frozen=True)
class Said:
    what: Word
    facts: dict[str, Any] = field(default_factory=dict)
    files: Sequence[int] = ()

    def content(self) -> bytes:
        """Of its one file, which is closed."""
        (number,) = self.files
        try:
            return os.pread(number, os.fstat(number).st_size, 0)
        finally:
            os.close(number)


class Line:
    """One end. Messages arrive whole and in order; those that were sent before an end died arrive too."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._channel = channel

    @classmethod
    def pair(cls) -> "tuple[Line, socket.socket]":
        """This end, and the one to hand to another process."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), its

    def say(self, said: Said) -> None:
        """Never waits; OSError when the other end is gone, or has not listened for long."""
        socket.send_fds(self._channel, [json.dumps([said.what, said.facts]).encode()], said.files)

    def say_at_length(self, what: Word, content: bytes) -> None:
        """What is too long for a message."""
        with open(os.memfd_create(what, os.MFD_CLOEXEC), "wb", buffering=0) as file:
            file.write(content)
            self.say(Said(what, files=[file.fileno()]))

    @property
    def has_room(self) -> bool:
        """Whether the other end takes what is said."""
        poll = select.poll()
        poll.register(self._channel, select.POLLOUT)
        return any(event == select.POLLOUT for _, event in poll.poll(0))

    async def hear(self) -> Said | None:
        """The next message, whose files are the hearer's to close; None when the other end is gone."""
        while True:
            try:
                data, files = self._receive()
            except BlockingIOError:
                await self._readable()
                continue
            except ConnectionError:
                return None
            if not data:
                return None
            what, facts = json.loads(data)
            if files is not None:
                return Said(Word(what), facts, files)
            _LOG.warning("a message came without its files: too few open files are allowed (ulimit -n)", message=what)

    def close(self) -> None:
        self._channel.close()

    def _receive(self) -> tuple[bytes, list[int] | None]:
        """As socket.recv_fds does it, but the files are not for this process's children; None where some are lost."""
        numbers = array.array("i")
        space = socket.CMSG_LEN(_MAX_FILES * numbers.itemsize)
        data, control, flags, _ = self._channel.recvmsg(_MAX_BYTES, space, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        if not flags & socket.MSG_CTRUNC:
            return data, list(numbers)
        for number in numbers:
            os.close(number)
        return data, None

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._channel, _wake, readable)
        try:
            await readable
        finally:
            loop.remove_reader(self._channel)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
