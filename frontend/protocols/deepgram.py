"""`/v1/listen`: Deepgram's live API. What is wanted stands in the query; audio in, results as they come."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from frontend.dialogue.commands import Alarm, Audio, Command, EndOfAudio, Flush, HangUp, Push, Refuse, Start
from frontend.dialogue.events import (
    AllHeard,
    Event,
    Failed,
    FinalHeard,
    PartialHeard,
    SpeechStarted,
    TimedOut,
    UtteranceEnded,
)
from frontend.dialogue.messages import Message
from frontend.errors import ProtocolError
from frontend.media.stream import AudioFormat, Encoding
from frontend.protocols.base import SHOWN_CHARACTERS, Context, Profile, WireProtocol, object_of
from frontend.protocols.deepgram_form import Query, QueryError, alternative, model_info
from frontend.speech import ASR, RATE, VAD
from frontend.tasks.live.options import LiveOptions, Turns, Wishes
from frontend.tasks.live.transcribe import TranscribeLive
from frontend.telemetry.logs import Log

_ENCODINGS: Mapping[str, Encoding] = {"linear16": "pcm16", "mulaw": "mulaw", "alaw": "alaw", "opus": "opus"}
_CONTAINED = ("", "ogg-opus")  # which say themselves how their audio is written
_OPUS_RATE = 48_000


class Deepgram(WireProtocol):
    """Nothing is kept of its streams. Each final says whether the utterance is over, and whether it was forced."""

    profile = Profile("/v1/listen", "deepgram", models=(VAD, ASR), message_limit="live_message_bytes")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._query = query = Query(context.query)
        ignored = query.check()
        if ignored:
            Log("deepgram", context.caller.connection_id).info(
                "these change nothing here", parameters=" ".join(ignored)
            )
        self._punctuated, self._vad_events = query.punctuated, query.flag("vad_events")
        self._endpointing = query.text("endpointing").lower() != "false"
        self._wishes = _wishes(query, self._endpointing, context)
        self._request_id = _uuid(context.stream_id)
        self._model_uuid, self._model_info = model_info(context.manifests[ASR.name])
        self._digest = hashlib.sha256()
        self._settled_seconds = 0.0  # where the last final ended
        self._started = self._ended = False

    def headers(self) -> Mapping[str, str]:
        return {"dg-request-id": self._request_id}

    def begin(self) -> Iterator[Command]:
        yield Alarm(self._context.options.deepgram.idle_seconds)

    def receive(self, message: Message) -> Iterator[Command]:
        if self._ended:
            return
        if isinstance(message, bytes):
            if message:
                self._digest.update(message)
                yield from self._start()
                yield Audio(message, answered=False, packet=self._wishes.audio.packets)
        elif isinstance(message, str):
            yield from self._control(message)

    def send(self, event: Event) -> Iterator[Command]:
        if isinstance(event, PartialHeard):
            yield Push(self._results(event, is_final=False, speech_final=False, from_finalize=False))
        elif isinstance(event, FinalHeard):
            ends = event.ends_utterance and self._endpointing
            yield Push(self._results(event, is_final=True, speech_final=ends, from_finalize=event.forced))
            self._settled_seconds = max(self._settled_seconds, event.end_seconds)
        elif isinstance(event, SpeechStarted) and self._vad_events:
            yield Push(_json({"type": "SpeechStarted", "channel": [0], "timestamp": round(event.spoken_seconds, 3)}))
        elif isinstance(event, UtteranceEnded):
            last = round(event.last_word_seconds, 3)
            yield Push(_json({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last}))
        elif isinstance(event, AllHeard):
            yield from self._close(event.audio_seconds)
        elif isinstance(event, Failed):
            yield HangUp(event.error.close_code, str(event.error))
        elif isinstance(event, TimedOut):
            self._ended = True
            seconds = self._context.options.deepgram.idle_seconds
            yield HangUp(1011, f"NET-0001: neither audio nor a KeepAlive came for {seconds:g} s")

    def _control(self, text: str) -> Iterator[Command]:
        match object_of(text).get("type"):
            case "KeepAlive":
                pass
            case "Finalize":
                yield from self._start()
                yield Flush()
            case "CloseStream":
                yield from self._start()
                self._ended = True
                yield Alarm(None)
                yield EndOfAudio()
            case "Configure":
                what = "the recogniser that serves takes no keyterms"
                code = "CONFIGURE_KEYTERMS_NOT_SUPPORTED"
                told = {"type": "ConfigureFailure", "request_id": self._request_id, "code": code, "description": what}
                yield Refuse(_json(told), ProtocolError(what))
            case _:
                what = "a text that is none of KeepAlive, Finalize, CloseStream and Configure"
                shown = text[:SHOWN_CHARACTERS].encode(errors="replace").decode()
                told = {"type": "Error", "variant": "SchemaError", "description": what, "message": shown}
                yield Refuse(_json(told), ProtocolError(what))

    def _start(self) -> Iterator[Command]:
        if not self._started:
            self._started = True
            options = LiveOptions.of(self._context.options, self._context.caller, self._wishes)
            yield Start(TranscribeLive(options))

    def _results(self, event: PartialHeard | FinalHeard, **marks: bool) -> str:
        spoken = alternative(event.words, self._punctuated)
        if self._query.multi and isinstance(event, FinalHeard) and event.language:
            spoken["languages"] = [event.language]
        start = self._settled_seconds
        return _json(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": round(start, 3),
                "duration": round(max(0.0, event.end_seconds - start), 3),
                **marks,
                "channel": {"alternatives": [spoken]},
                "metadata": {
                    "request_id": self._request_id,
                    "model_info": self._model_info,
                    "model_uuid": self._model_uuid,
                },
            }
        )

    def _close(self, audio_seconds: float) -> Iterator[Command]:
        yield Push(
            _Dated(
                {
                    "type": "Metadata",
                    "transaction_key": "deprecated",
                    "request_id": self._request_id,
                    "sha256": self._digest.hexdigest(),
                    "duration": round(audio_seconds, 3),
                    "channels": 1,
                    "models": [self._model_uuid],
                    "model_info": {self._model_uuid: self._model_info},
                }
            )
        )
        yield HangUp()


@dataclass(frozen=True)
class _Dated:
    """An object that says when it was made."""

    fields: Mapping[str, Any]

    def encode(self) -> bytes:
        return _json({**self.fields, "created": datetime.now(UTC).isoformat(timespec="milliseconds")}).encode()


def _wishes(query: Query, endpointing: bool, context: Context) -> Wishes:
    manifest = context.manifests[ASR.name]
    silence_ms = query.whole("endpointing", 0, 10_000) if endpointing and query.text("endpointing") != "true" else None
    gap_ms = query.whole("utterance_end_ms", 1000, 5000)
    if gap_ms is not None and not query.flag("interim_results"):
        raise QueryError("utterance_end_ms needs interim_results=true")
    return Wishes(
        _audio(query),
        language=query.language(manifest.languages),
        silence_seconds=None if silence_ms is None else silence_ms / 1000,
        partials=query.flag("interim_results"),
        turns=Turns(None if gap_ms is None else gap_ms / 1000),
    )


def _audio(query: Query) -> AudioFormat:
    channels = query.whole("channels", 1, 16) or 1
    if query.flag("multichannel") and channels > 1:
        raise QueryError("multichannel is not supported here: leave it out, and the channels are mixed")
    name = query.text("encoding").lower()
    rate = query.whole("sample_rate", 8000, 48_000)
    if name in _CONTAINED:
        return AudioFormat(RATE, "container")
    if name not in _ENCODINGS:
        raise QueryError(f"encoding must be one of {', '.join(_ENCODINGS)}, ogg-opus, or left out for a container")
    encoding = _ENCODINGS[name]
    if encoding == "opus":
        return AudioFormat(rate or _OPUS_RATE, encoding)
    if rate is None:
        raise QueryError("encoding needs sample_rate")
    return AudioFormat(rate, encoding, channels)


def _uuid(hexadecimal: str) -> str:
    """In groups, as its clients know ids."""
    return "-".join(hexadecimal[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)
