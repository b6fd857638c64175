"""`/v1/realtime`: sessions of OpenAI's Realtime API that transcribe what is spoken."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from frontend.dialogue.commands import Audio, Command, Flush, HangUp, Start
from frontend.dialogue.events import Event, Failed, FinalHeard, SpeechStarted, SpeechStopped
from frontend.dialogue.messages import JsonMessage, Message
from frontend.errors import ClientError, EmptyBufferError, FieldError, GatewayError, ProtocolError
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import SHOWN_CHARACTERS, Context, Profile, WireProtocol
from frontend.protocols.realtime_events import Item, RealtimeEvents
from frontend.protocols.realtime_session import Known, RealtimeSession
from frontend.speech import ASR, VAD
from frontend.tasks.live.options import LiveOptions
from frontend.tasks.live.transcribe import TranscribeLive

_LEAST_COMMIT_MS = 100


class Realtime(WireProtocol):
    """A delta is text of a final: it never changes. Without turn detection the client says what an item is."""

    profile = Profile(
        "/v1/realtime",
        "openai_realtime",
        models=(VAD, ASR),
        message_limit="file_message_bytes",
        json_frames=frozenset({"text"}),
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self._events = RealtimeEvents(context.stream_id)
        self._known = Known(context.options.openai.models, context.manifests[ASR.name])
        self._session = RealtimeSession.of(next(iter(self._known.models), ""))
        self._started = False
        self._appended_bytes, self._committed_bytes = 0, 0.0
        self._open = self._events.new_item()
        # Of the server's turns those that are over and not transcribed to their end.
        self._stopped: deque[Item] = deque()
        # What the client forced, to be known to there: what it committed without turn detection or cleared, or the turn
        # that is open by then.
        self._forced: deque[Item | None] = deque()

    def begin(self) -> Iterator[Command]:
        try:
            self._session = self._asked_for()
        except ClientError as e:
            yield self._events.refuse(e)
            yield HangUp(1008, "such a session cannot be had")
        else:
            yield self._tell_session("session.created")

    def receive(self, message: Message) -> Iterator[Command]:
        fields = message.fields if isinstance(message, JsonMessage) else None
        try:
            if not isinstance(message, JsonMessage) or fields is None:
                raise ProtocolError(message.error if isinstance(message, JsonMessage) else "send events as text")
            yield from list(self._do(message, fields))
        except ClientError as e:
            yield self._events.refuse(e, fields.get("event_id") if fields else None)

    def refuse(self, error: GatewayError) -> Iterator[Command]:
        yield self._events.refuse(error)

    def send(self, event: Event) -> Iterator[Command]:
        if isinstance(event, SpeechStarted):
            self._open.start_seconds = event.start_seconds
            at = {"audio_start_ms": round(1000 * event.start_seconds), "item_id": self._open.item_id}
            yield self._events.tell("input_audio_buffer.speech_started", **at)
        elif isinstance(event, SpeechStopped):
            yield from self._stop(event)
        elif isinstance(event, FinalHeard):
            yield from self._hear(event)
        elif isinstance(event, Failed):
            yield from self._fail(event.error)

    # What clients ask for.

    def _do(self, message: JsonMessage, fields: Mapping[str, Any]) -> Iterator[Command]:
        match fields.get("type"):
            case "session.update":
                yield from self._update(fields.get("session"))
            case "input_audio_buffer.append":
                yield from self._append(message)
            case "input_audio_buffer.commit":
                yield from self._commit()
            case "input_audio_buffer.clear":
                yield from self._clear()
            case other:
                shown = str(other)[:SHOWN_CHARACTERS]
                raise FieldError("type", f"the event {shown} is not known in a session that transcribes")

    def _asked_for(self) -> RealtimeSession:
        """What the key was made for, and the model in the address."""
        session = self._session.changed(self._context.caller.terms, self._known)
        if model := self._context.query.get("model"):
            asked = {"audio": {"input": {"transcription": {"model": model}}}}
            session = session.changed(asked, self._known)
        return session

    def _update(self, update: Any) -> Iterator[Command]:
        session = self._session.changed(update, self._known)
        if self._started and session.wishes != self._session.wishes:
            raise FieldError("session", "the audio has begun: its format, language and turns stay as they are")
        self._session = session
        yield self._tell_session("session.updated")

    def _append(self, message: JsonMessage) -> Iterator[Command]:
        if message.audio is None:
            raise FieldError("audio", message.audio_error or "audio must be a string of base64")
        if not self._started:
            self._started = True
            options = LiveOptions.of(self._context.options, self._context.caller, self._session.wishes)
            yield Start(TranscribeLive(options))
        for piece in message.audio.pieces() if isinstance(message.audio, MemoryFile) else (message.audio,):
            self._appended_bytes += len(piece)
            yield Audio(piece, answered=False)

    def _commit(self) -> Iterator[Command]:
        waiting_ms = 1000 * (self._appended_bytes - self._committed_bytes) / self._session.bytes_per_second
        if waiting_ms < _LEAST_COMMIT_MS:
            raise EmptyBufferError(f"the buffer holds {max(0.0, waiting_ms):.0f} ms, less than {_LEAST_COMMIT_MS} ms")
        if self._session.turn_detection is None:
            self._open.start_seconds = self._committed_bytes / self._session.bytes_per_second
            yield from self._events.committed(self._open)
            self._forced.append(self._open)
            self._open = self._events.new_item()
        else:
            self._forced.append(None)
        self._committed_bytes = self._appended_bytes
        yield Flush()

    def _clear(self) -> Iterator[Command]:
        self._committed_bytes = self._appended_bytes
        if self._started:
            self._forced.append(Item("", cleared=True))
            yield Flush()
        yield self._events.tell("input_audio_buffer.cleared")

    # What is told of the audio.

    def _stop(self, event: SpeechStopped) -> Iterator[Command]:
        item, self._open = self._open, self._events.new_item()
        self._stopped.append(item)
        self._committed_bytes = max(self._committed_bytes, event.end_seconds * self._session.bytes_per_second)
        at = {"audio_end_ms": round(1000 * event.end_seconds), "item_id": item.item_id}
        yield self._events.tell("input_audio_buffer.speech_stopped", **at)
        yield from self._events.committed(item)

    def _hear(self, final: FinalHeard) -> Iterator[Command]:
        if final.forced:
            item = self._forced.popleft()
            if item is None:
                item = self._open
                yield from self._events.committed(item)
            if item.cleared or item is self._open:
                self._open = self._events.new_item()
        elif self._stopped:
            item = self._stopped[0]
        else:
            item = next((each for each in self._forced if each is not None), self._open)
        if item.cleared:
            return
        if final.words:
            yield from self._events.words(item, final, self._session.logprobs)
        over = final.forced or (final.ends_utterance and bool(self._stopped))
        if over:
            yield self._events.completed(item, final, self._session.logprobs)
        if over and not final.forced:
            self._stopped.popleft()

    def _fail(self, error: GatewayError) -> Iterator[Command]:
        """Nothing more will be known of what is not completed."""
        for item in (*self._stopped, *self._forced):
            if item is not None and not item.cleared:
                yield self._events.failed(item, error)
        yield self._events.refuse(error)
        yield HangUp(error.close_code, str(error))

    def _tell_session(self, kind: str) -> Command:
        return self._events.tell(kind, session=self._session.told(self._events.session_id))
