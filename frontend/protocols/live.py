"""`/` on the live port: audio in, partials and finals out as they come, at the end the id of what was kept."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from frontend.dialogue.commands import Alarm, Audio, Command, EndOfAudio, HangUp, Refuse, Reply, Start
from frontend.dialogue.events import Event, Exported, Failed, FinalHeard, PartialHeard, TimedOut
from frontend.dialogue.messages import Message
from frontend.errors import ClientError, ForbiddenError, ProtocolError, QuotaError, UnauthorizedError, WrongKeysError
from frontend.keys.places import IN_REQUEST, bare
from frontend.machines.timeline import text_of
from frontend.media.stream import AudioFormat
from frontend.protocols.base import Context, Profile, WireProtocol, rate_of
from frontend.recordings.transcript import final_of
from frontend.speech import ASR, RATE, VAD
from frontend.tasks.live.options import LiveOptions, Wishes
from frontend.tasks.live.transcribe import TranscribeLive

_NO_KEY = "Provided api key is invalid"
# What a client says of itself is short; a longer text is not worth the time it takes to read. Nor is it an eof: words
# that a client expects may hold one, as Geoffrey does.
_CONTROL_CHARACTERS = 8192
_UNKNOWN = "control message unknown"
_TOO_LONG = f"{_UNKNOWN}: longer than {_CONTROL_CHARACTERS} characters"


class LiveTranscription(WireProtocol):
    """Nothing but the id follows `eof`: its clients take the next message for it, unless they asked for finals."""

    profile = Profile(
        "/live", "live", models=(VAD, ASR), message_limit="live_message_bytes", keys=IN_REQUEST | {"message"}
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self._needs_key = context.needs_key
        self._rate = RATE
        self._language = context.options.live.language
        self._finals_after_eof = context.options.live.finals_after_eof
        self._begun = self._started = self._ended = False

    def headers(self) -> Mapping[str, str]:
        return {"X-Transcription-Id": self._context.stream_id}

    def begin(self) -> Iterator[Command]:
        if self._needs_key and not self._begun:  # a first frame that decides begins it once more
            self._begun = True
            yield Alarm(self._context.options.keys.show_seconds, strict=True)

    def receive(self, message: Message) -> Iterable[Command]:
        if self._ended:
            return ()
        if self._started and isinstance(message, bytes):
            return (Audio(message, answered=False),)
        return self._understand(message)

    def _understand(self, message: Message) -> Iterator[Command]:
        try:
            if isinstance(message, bytes):
                yield from self._hear(message)
            elif isinstance(message, str):
                yield from self._control(message)
        except ProtocolError as e:
            self._ended = True
            yield HangUp(e.close_code, str(e))
        except (UnauthorizedError, ForbiddenError, QuotaError) as e:
            yield from self._turn_away(e)

    def send(self, event: Event) -> Iterator[Command]:
        if isinstance(event, PartialHeard) and not self._ended:
            yield Reply(_json({"partial": text_of(event.words)}))
        elif isinstance(event, FinalHeard) and (not self._ended or self._finals_after_eof):
            yield Reply(_json(final_of(event.words, text_of(event.words))))
        elif isinstance(event, Exported):
            yield Reply(event.export_id)
            yield HangUp(event.error.close_code, str(event.error)) if event.error else HangUp()
        elif isinstance(event, Failed):
            yield HangUp(event.error.close_code, str(event.error))
        elif isinstance(event, TimedOut) and self._needs_key:
            yield from self._turn_away(UnauthorizedError(_NO_KEY))

    def _turn_away(self, error: ClientError) -> Iterator[Command]:
        self._ended = True
        yield Refuse(str(error), error)
        yield HangUp(error.close_code, error.code)

    def _hear(self, data: bytes) -> Iterator[Command]:
        yield from self._start()
        yield Audio(data, answered=False)

    def _control(self, text: str) -> Iterator[Command]:
        if len(text) > _CONTROL_CHARACTERS:
            yield Refuse(_TOO_LONG, ProtocolError(_TOO_LONG))
            return
        if not self._started and (opening := _object(text)) is not None:
            if "config" in opening:
                self._configure(opening["config"])
                return
            if "Authorization" in opening:
                yield from self._authorize(opening["Authorization"])
                return
        if "eof" in text:
            yield from self._start()
            self._ended = True
            yield EndOfAudio()
        else:
            yield Refuse(_UNKNOWN, ProtocolError("a control message that is not eof"))

    def _start(self) -> Iterator[Command]:
        if self._started:
            return
        if self._needs_key:
            raise UnauthorizedError(_NO_KEY)
        manifest = self._context.manifests.get(ASR.name)
        if self._language and (manifest is None or self._language not in manifest.languages):
            raise ProtocolError(f"unsupported language: {self._language[:20]}")
        self._started = True
        yield Start(TranscribeLive(self._options()))

    def _options(self) -> LiveOptions:
        wishes = Wishes(AudioFormat(self._rate), self._context.stream_id, self._language or None)
        return LiveOptions.of(self._context.options, self._context.caller, wishes)

    def _configure(self, config: Any) -> None:
        """What a client says of its audio before it sends any; keys of other services are ignored."""
        if not isinstance(config, Mapping):
            raise ProtocolError("config must be an object")
        if "sample_rate" in config:
            self._rate = rate_of(config["sample_rate"])
        language = config.get("language")
        if language is not None:
            self._language = str(language).strip().lower()
        wanted = config.get("finals_after_eof")
        if not isinstance(wanted, bool | None):
            raise ProtocolError("finals_after_eof must be true or false")
        if wanted is not None:
            self._finals_after_eof = wanted

    def _authorize(self, key: Any) -> Iterator[Command]:
        if not self._context.visit.asks_for_keys:
            return
        try:
            self._context.visit.show(bare(key) if isinstance(key, str) else "")
        except WrongKeysError:
            raise
        except UnauthorizedError:
            raise UnauthorizedError(_NO_KEY) from None
        self._needs_key = False
        yield Alarm(None)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
