"""A session under way with a scripted client and scripted models."""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from frontend.caller import Caller
from frontend.config import settings
from frontend.connection.session import Session
from frontend.dialogue.services import Services
from frontend.protocols.base import Context, WireProtocol
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from tests.frontend.fakes import MANIFEST, RECOGNISER, ScriptedSpeech, budget, visit_of
from tests.frontend.media_in_place import MediaInPlace
from tests.frontend.scripted_socket import ScriptedSocket

MANIFESTS = {"speaker_embedding": MANIFEST, "vad": MANIFEST, "asr": RECOGNISER, "language_id": RECOGNISER}


def context(options: settings.Settings | None = None) -> Context:
    options = options or settings.Settings()
    return Context(visit_of(Caller("cafe0123", "127.0.0.1"), options.keys.clients), options, MANIFESTS)


class Conversation:
    def __init__(
        self,
        protocol: type[WireProtocol],
        spool: Path,
        outbox_bytes: int = 1 << 20,
        options: settings.Settings | None = None,
        memory_bytes: int = 64_000,
        **others: Any,
    ) -> None:
        """`others` are services in place of the usual ones."""
        self.speech, self.metrics, self.held = ScriptedSpeech(), Metrics(), others.get("held") or budget()
        self.socket = ScriptedSocket(self.held)
        self.media = MediaInPlace(settings.Media(workers=1), self.metrics)
        usual: dict[str, Any] = {"speech": self.speech, "media": self.media, "held": self.held, "metrics": self.metrics}
        services = Services(**(usual | {"spooled": budget()} | others))
        limits = dataclasses.replace(
            (options or settings.Settings()).limits,
            outbox_bytes=outbox_bytes,
            backlog_memory_bytes=memory_bytes,
            spool_directory=str(spool),
        )
        self.session = Session(self.socket, protocol(context(options)), services, limits, Log("test"))
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        self.session.begin()
        try:
            await self.session.run()
        finally:
            await self.session.outlive()
            await self.media.close()

    def send(self, *messages: str | bytes | dict[str, Any]) -> None:
        for message in messages:
            self.socket.incoming.put_nowait(json.dumps(message) if isinstance(message, dict) else message)

    async def say(self, *messages: str | bytes) -> list[str]:
        """The answers to these messages, of which each has one."""
        before = len(self.socket.sent)
        self.send(*messages)
        return list(await self.socket.until_sent(before + len(messages)))[before:]

    async def hear(self, count: int) -> list[Any]:
        """The next so many answers, as JSON."""
        answers = [json.loads(text) for text in list(await self.socket.until_sent(self.heard + count))[self.heard :]]
        self.heard += count
        return answers[:count]

    heard = 0

    async def leave(self) -> None:
        self.socket.incoming.put_nowait(None)
        await self.task


@contextlib.asynccontextmanager
async def talking(protocol: type[WireProtocol], spool: Path, **more: Any) -> AsyncIterator[Conversation]:
    """The client leaves at the end, and nothing of it stays."""
    talk = Conversation(protocol, spool, **more)
    try:
        yield talk
    finally:
        if not talk.task.done():
            await talk.leave()
    assert talk.held.used_bytes == 0
