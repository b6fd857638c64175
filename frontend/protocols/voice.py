"""What the six voice sockets share: parameters as text, one by one, then audio; exactly one reply a message."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal

from frontend.dialogue.commands import Audio, Command, Refuse, Reply, Start, Text
from frontend.dialogue.events import Event, Failed
from frontend.dialogue.messages import Message
from frontend.dialogue.tasks import Task
from frontend.errors import GatewayError, ProtocolError
from frontend.machines.activity import Thresholds
from frontend.media.stream import AudioFormat
from frontend.protocols.base import Context, Profile, WireProtocol
from frontend.speech import VAD, ModelRef
from frontend.tasks.listening import Listening

ACCEPTED, REFUSED = "200", "500"

_NUMBER = re.compile(r"[+]?\d+(\.\d*)?([eE][+-]?\d+)?|[+]?\.\d+([eE][+-]?\d+)?", re.ASCII)
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_PCM_RATES = range(8000, 96001)


def voice_profile(name: str, models: tuple[ModelRef, ...] = (VAD,)) -> Profile:
    return Profile(f"/{name}", name, models, "voice_message_bytes", lock_step=True)


class VoiceProtocol(WireProtocol):
    """A subclass names its parameters, makes the task and words the events."""

    encoding: ClassVar[Literal["pcm16", "opus"]] = "pcm16"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._values: list[Any] = []
        self._started = False

    # For the subclass.

    def parameters(self) -> tuple[Callable[[str], Any], ...]:
        """One reader a parameter, in the order in which they come; each raises ClientError for what it refuses."""
        raise NotImplementedError

    def optional_parameters(self) -> tuple[Callable[[str], Any], ...]:
        """Those that may follow before the audio begins."""
        return ()

    def task(self, *values: Any) -> Task:
        raise NotImplementedError

    def word(self, event: Event) -> Text:
        raise NotImplementedError

    # The conversation.

    def receive(self, message: Message) -> Iterable[Command]:
        if isinstance(message, bytes):
            return (Audio(message),) if self._started else self._begin(message)
        if isinstance(message, str):
            self._fill(message)
            return (Reply(ACCEPTED),)
        return ()

    def send(self, event: Event) -> Iterable[Command]:
        return self.refuse(event.error) if isinstance(event, Failed) else (Reply(self.word(event)),)

    def refuse(self, error: GatewayError) -> Iterator[Command]:
        yield Refuse(REFUSED, error)

    def _fill(self, text: str) -> None:
        if self._started:
            raise ProtocolError("a parameter came after the audio began")
        readers = self.parameters() + self.optional_parameters()
        if len(self._values) == len(readers):
            raise ProtocolError("all parameters are set, audio was expected")
        self._values.append(readers[len(self._values)](text))

    def _begin(self, data: bytes) -> Iterable[Command]:
        missing = len(self.parameters()) - len(self._values)
        if missing > 0:
            raise ProtocolError(f"audio came before {missing} of the parameters")
        self._started = True
        return Start(self.task(*self._values)), Audio(data)

    # What subclasses read parameters with.

    def rate(self, text: str) -> int:
        value = number(text)
        allowed = _OPUS_RATES if self.encoding == "opus" else _PCM_RATES
        # As an int: looking for a float in a range tries every element.
        if not value.is_integer() or int(value) not in allowed:
            raise ProtocolError("the sampling rate is not one of those supported")
        return int(value)

    def listening(self, rate: int) -> Listening:
        voice = self._context.options.voice
        thresholds = Thresholds(voice.speech_in_probability, voice.speech_out_probability)
        return Listening(AudioFormat(rate, self.encoding), thresholds)


def number(text: str) -> float:
    """A finite number of at least 0 in plain decimal notation."""
    text = text.strip()
    if len(text) > 64 or not _NUMBER.fullmatch(text):
        raise ProtocolError("the parameter is not a number of at least 0")
    value = float(text)
    if value == float("inf"):
        raise ProtocolError("the parameter is too large")
    return value
