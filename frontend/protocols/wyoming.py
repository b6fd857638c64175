"""Wyoming, on the port of its name: events over a plain connection, as home automation sends them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from frontend import __version__
from frontend.dialogue.commands import Audio, Command, Flush, HangUp, Push, Reply, Start
from frontend.dialogue.events import AllHeard, Event, Failed, FinalHeard
from frontend.dialogue.messages import Message
from frontend.errors import ProtocolError
from frontend.machines.timeline import text_of
from frontend.media.stream import AudioFormat
from frontend.protocols.base import Context, Profile, WireProtocol, language_of, object_of, rate_of
from frontend.speech import ASR, VAD, Word
from frontend.tasks.live.options import LiveOptions, Wishes
from frontend.tasks.live.transcribe import TranscribeLive

_ATTRIBUTION = {"name": "triton-speech-gateway", "url": ""}
_CHANNELS = range(1, 17)


class Wyoming(WireProtocol):
    """One utterance after the other, each from audio-start to audio-stop; audio that stands alone begins one too."""

    profile = Profile(
        "", "wyoming", models=(VAD, ASR), message_limit="live_message_bytes", keys=frozenset(), transport="events"
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self._streaming = context.options.wyoming.transcript_streaming
        self._language: str | None = None
        self._wishes: Wishes | None = None  # of the stream, once it began
        self._opened = False  # an utterance
        # What is known of the oldest that has no transcript yet.
        self._words: list[Word] = []
        self._told_start = False
        # What the next payload is.
        self._audio: AudioFormat | None = None

    def receive(self, message: Message) -> Iterator[Command]:
        if isinstance(message, bytes):
            audio, self._audio = self._audio, None
            if audio is not None:
                yield from self._open(audio)
                yield Audio(message, answered=False)
        elif isinstance(message, str):
            event = object_of(message)
            data = event.get("data")
            yield from self._take(event.get("type"), data if isinstance(data, dict) else {})

    def send(self, event: Event) -> Iterator[Command]:
        if isinstance(event, FinalHeard):
            yield from self._stream(event)
            self._words += event.words
            if event.forced:
                words, self._words = self._words, []
                yield from self._transcript(words, event.language)
        elif isinstance(event, AllHeard):
            yield HangUp()
        elif isinstance(event, Failed):
            yield HangUp(event.error.close_code, str(event.error))

    def _take(self, kind: Any, data: Mapping[str, Any]) -> Iterator[Command]:
        """What is not known is ignored, as its clients expect."""
        match kind:
            case "describe":
                yield Reply(_event("info", self._info()))
            case "ping":
                yield Reply(_event("pong", {"text": data["text"]} if isinstance(data.get("text"), str) else {}))
            case "transcribe":
                self._language = self._language_of(data.get("language"))
            case "audio-start":
                yield from self._open(_format(data))
            case "audio-chunk":
                self._audio = _format(data)
            case "audio-stop":
                yield from self._stop()

    def _open(self, audio: AudioFormat) -> Iterator[Command]:
        wishes = Wishes(audio, language=self._language, partials=False)
        if self._wishes is None:
            self._wishes = wishes
            yield Start(TranscribeLive(LiveOptions.of(self._context.options, self._context.caller, wishes)))
        elif self._wishes != wishes:
            raise ProtocolError("one connection has one language and one form of audio: open another")
        self._opened = True

    def _stop(self) -> Iterator[Command]:
        if self._wishes is None:
            yield from self._transcript((), "")
        elif self._opened:
            self._opened = False
            yield Flush()

    def _stream(self, event: FinalHeard) -> Iterator[Command]:
        if not self._streaming or not event.words:
            return
        if not self._told_start:
            self._told_start = True
            yield Push(_event("transcript-start", {"language": event.language} if event.language else {}))
        text = text_of(event.words)
        yield Push(_event("transcript-chunk", {"text": text if self._words else text.strip()}))

    def _transcript(self, words: Sequence[Word], language: str) -> Iterator[Command]:
        told = {"text": text_of(words).strip(), **({"language": language} if language else {})}
        if self._streaming and not self._told_start:
            yield Push(_event("transcript-start", {}))
        yield Push(_event("transcript", told))
        if self._streaming:
            yield Push(_event("transcript-stop", {}))
        self._told_start = False

    def _language_of(self, value: Any) -> str | None:
        if value is None or value == "":
            return None
        known = self._context.manifests[ASR.name].languages
        code = value.lower().replace("_", "-") if isinstance(value, str) else value
        return language_of(code if code in known or not isinstance(code, str) else code.partition("-")[0], known)

    def _info(self) -> Mapping[str, Any]:
        manifest = self._context.manifests[ASR.name]
        artifact = {"attribution": _ATTRIBUTION, "installed": True, "version": __version__}
        model = {
            **artifact,
            "name": manifest.model,
            "description": "the recogniser that serves",
            "version": manifest.identity[:12],
            "languages": list(manifest.languages),
        }
        program = {
            **artifact,
            "name": "speech-gateway",
            "description": "speech recognition behind NVIDIA Triton",
            "models": [model],
            "supports_transcript_streaming": self._streaming,
        }
        return {"asr": [program], **{kind: [] for kind in ("tts", "handle", "intent", "wake", "mic", "snd")}}


def _event(kind: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data}, ensure_ascii=False)


def _format(data: Mapping[str, Any]) -> AudioFormat:
    if data.get("width") != 2:
        raise ProtocolError("width must be 2: samples of 16 bits")
    channels = data.get("channels")
    if not isinstance(channels, int) or channels not in _CHANNELS:
        raise ProtocolError("channels must be between 1 and 16")
    return AudioFormat(rate_of(data.get("rate")), "pcm16", channels)
