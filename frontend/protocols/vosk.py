"""`/vosk`, and `/` on the port of its name: each message is answered at once, by what is known then."""

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from frontend.dialogue.commands import Audio, Command, EndOfAudio, Flush, HangUp, Refuse, Reply, Start
from frontend.dialogue.events import AllHeard, Event, Failed, FinalHeard, PartialHeard
from frontend.dialogue.messages import Message
from frontend.errors import ProtocolError
from frontend.machines.timeline import text_of
from frontend.media.stream import AudioFormat
from frontend.protocols.base import Context, Profile, WireProtocol, object_of, rate_of
from frontend.speech import ASR, RATE, VAD, Word
from frontend.tasks.live.options import LiveOptions, Wishes
from frontend.tasks.live.transcribe import TranscribeLive

_Words = tuple[Word, ...]


class Vosk(WireProtocol):
    """Its clients send no audio before they have the answer to what they sent, so none waits for a model.

    Only a `config` has no answer, and `reset` and `eof` have theirs when all that was said before is known.
    """

    profile = Profile("/vosk", "vosk", models=(VAD, ASR), message_limit="live_message_bytes", lock_step=True)

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rate = RATE
        self._with_words, self._alternatives = True, False
        self._started = self._ended = False
        # Known and not told yet, the oldest first; and what is said of the utterance that goes on.
        self._finals: deque[_Words] = deque()
        self._partial: _Words = ()
        # While the answer to a reset is not known: how many messages behind it wait for theirs.
        self._waiting: int | None = None

    def receive(self, message: Message) -> Iterator[Command]:
        if self._ended:
            return
        if isinstance(message, bytes):
            yield from self._start()
            yield Audio(message, answered=False)
            yield from self._answer()
        elif isinstance(message, str):
            yield from self._control(message)

    def send(self, event: Event) -> Iterator[Command]:
        if isinstance(event, PartialHeard):
            self._partial = event.words
        elif isinstance(event, FinalHeard):
            self._partial = ()
            if event.words:
                self._finals.append(event.words)
            if event.forced:
                yield from self._forced()
        elif isinstance(event, AllHeard):
            yield Reply(self._all())
            yield HangUp()
        elif isinstance(event, Failed):
            yield HangUp(event.error.close_code, str(event.error))

    def _control(self, text: str) -> Iterator[Command]:
        content = object_of(text)
        if "config" in content:
            self._configure(content["config"])
        elif "eof" in content:
            yield from self._start()
            self._ended = True
            yield EndOfAudio()
        elif "reset" in content:
            yield from self._start()
            if self._waiting is None:
                self._waiting = 0
                yield Flush()
            else:
                self._waiting += 1
        elif self._waiting is None:
            yield Refuse(self._next(), ProtocolError("neither config nor eof nor reset"))
        else:
            self._waiting += 1

    def _configure(self, config: Any) -> None:
        """What is said of the audio before it comes; what cannot be honoured changes nothing."""
        if not isinstance(config, Mapping):
            raise ProtocolError("config must be an object")
        if "sample_rate" in config:
            if self._started:
                raise ProtocolError("config must come before the audio")
            self._rate = rate_of(config["sample_rate"])
        self._with_words = _flag(config.get("words", self._with_words))
        self._alternatives = _flag(config.get("max_alternatives", self._alternatives))

    def _start(self) -> Iterator[Command]:
        if not self._started:
            self._started = True
            wishes = Wishes(AudioFormat(self._rate))
            yield Start(TranscribeLive(LiveOptions.of(self._context.options, self._context.caller, wishes)))

    def _answer(self) -> Iterator[Command]:
        if self._waiting is None:
            yield Reply(self._next())
        else:
            self._waiting += 1

    def _forced(self) -> Iterator[Command]:
        behind, self._waiting = self._waiting or 0, None
        yield Reply(self._all())
        for _ in range(behind):
            yield Reply(self._next())

    def _next(self) -> str:
        if self._finals:
            return self._result(self._finals.popleft())
        return json.dumps({"partial": text_of(self._partial).strip()}, ensure_ascii=False)

    def _all(self) -> str:
        words = tuple(word for final in self._finals for word in final)
        self._finals.clear()
        return self._result(words)

    def _result(self, words: Sequence[Word]) -> str:
        content: dict[str, Any] = {"text": text_of(words).strip()}
        if self._alternatives:
            if self._with_words and words:
                content = {"result": [_timed(word) for word in words], **content}
            content = {"alternatives": [{"confidence": _confidence(words), **content}]}
        elif self._with_words and words:
            content = {"result": [{"conf": round(word.confidence, 6), **_timed(word)} for word in words], **content}
        return json.dumps(content, ensure_ascii=False)


def _flag(value: Any) -> bool:
    """As numbers, strings and truth values say it."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false", "no")
    return bool(value)


def _timed(word: Word) -> dict[str, Any]:
    return {"start": round(word.start_seconds, 3), "end": round(word.end_seconds, 3), "word": word.text.strip()}


def _confidence(words: Sequence[Word]) -> float:
    return round(sum(word.confidence for word in words) / len(words), 6) if words else 0.0
