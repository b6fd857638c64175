"""How events of OpenAI's Realtime API are written, and the items that they are about."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from frontend.dialogue.commands import Command, Refuse, Reply
from frontend.dialogue.events import FinalHeard
from frontend.errors import GatewayError
from frontend.machines.timeline import text_of
from frontend.protocols.openai_wording import error_told, languages, logprobs, usage
from frontend.speech import Word

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


@dataclass
class Item:
    """What becomes a message of the conversation: an utterance, or what the client committed."""

    item_id: str
    start_seconds: float = 0.0
    words: list[Word] = field(default_factory=list)
    # The client took it back.
    cleared: bool = False


class RealtimeEvents:
    """Of one session: each event and each item has a number of its own."""

    def __init__(self, stream_id: str) -> None:
        self.session_id = f"sess_{stream_id}"
        self._number = stream_id[:12]
        self._told_count = self._item_count = 0
        self._before: str | None = None

    def new_item(self) -> Item:
        self._item_count += 1
        return Item(f"item_{self._number}_{self._item_count}")

    def tell(self, kind: str, **fields: Any) -> Command:
        return Reply(self._written(kind, fields))

    def refuse(self, error: GatewayError, event_id: Any = None) -> Command:
        """`event_id` is what the client called the event that was wrong."""
        cause = event_id if isinstance(event_id, str) else None
        return Refuse(self._written("error", {"error": {**error_told(error), "event_id": cause}}), error)

    def committed(self, item: Item) -> Iterator[Command]:
        before, self._before = self._before, item.item_id
        told = {
            "id": item.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        yield self.tell("input_audio_buffer.committed", previous_item_id=before, item_id=item.item_id)
        yield self.tell("conversation.item.added", previous_item_id=before, item=told)
        yield self.tell("conversation.item.done", previous_item_id=before, item=told)

    def words(self, item: Item, final: FinalHeard, with_logprobs: bool) -> Iterator[Command]:
        """Of an item that goes on: all its deltas are its transcript."""
        text = text_of(final.words)
        delta: dict[str, Any] = {"delta": text if item.words else text.lstrip()}
        if with_logprobs:
            delta["logprobs"] = logprobs(final.words)
        yield self._of(item, "delta", **delta)
        segment = {"id": f"seg_{item.item_id}_{len(item.words)}", "text": text.strip(), "speaker": ""}
        start, end = final.words[0].start_seconds, final.words[-1].end_seconds
        yield self._of(item, "segment", **segment, start=round(start, 3), end=round(end, 3))
        item.words += final.words

    def completed(self, item: Item, final: FinalHeard, with_logprobs: bool) -> Command:
        told: dict[str, Any] = {
            "transcript": text_of(item.words).lstrip(),
            "languages": languages(final.language if item.words else ""),
            "usage": usage(max(0.0, final.end_seconds - item.start_seconds)),
        }
        if with_logprobs:
            told["logprobs"] = logprobs(item.words)
        return self._of(item, "completed", **told)

    def failed(self, item: Item, error: GatewayError) -> Command:
        return self._of(item, "failed", error=error_told(error))

    def _of(self, item: Item, what: str, **fields: Any) -> Command:
        return self.tell(f"{_TRANSCRIPTION}.{what}", item_id=item.item_id, content_index=0, **fields)

    def _written(self, kind: str, fields: Mapping[str, Any]) -> str:
        self._told_count += 1
        return json.dumps({"type": kind, "event_id": f"event_{self._number}_{self._told_count}", **fields})
