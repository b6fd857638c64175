"""What clients say, by protocol: the right words in any order, and words that are nearly right."""

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import av
import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from frontend import voice_template
from frontend.connection.framing import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tests.frontend.connection.rfc6455 import REFUSED, frame
from tests.frontend.fakes import VOICE, spoken
from tests.soak.fuzz.spoiling import mangled, objects, one_of, scalars, texts, values, written
from tests.sounds import noise, opus_packets, wav

Said = tuple[int, bytes]  # an opcode, and what the frame holds

_RATES = (8000, 16000, 24000, 44100, 48000, "16000", "8000")
_LANGUAGES = ("en", "de", "en-US", "auto", "multi", "", "xx", None)


def _ogg(samples: "np.ndarray[Any, np.dtype[np.int16]]", container: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("libopus", rate=48000, layout="mono")
        sound = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        sound.sample_rate = 48000
        for packet in (*stream.encode(sound), *stream.encode(None)):
            output.mux(packet)
    return file.getvalue()


_WORDS = spoken((0.2, 0.5), (0.6, 0.9), seconds=1.2)
_PCM = (_WORDS.tobytes(), noise(0.1, 16000).tobytes(), bytes(3200), b"", b"\0", bytes(3201))
_PACKETS = tuple(opus_packets(noise(0.06, 16000)))
FILES = (
    *(wav(_WORDS, subtype=kind) for kind in ("PCM_16", "PCM_24", "FLOAT", "ULAW")),
    wav(_WORDS, container="FLAC"),
    *(_ogg(noise(0.2, 48000), container) for container in ("ogg", "webm")),
)
TEMPLATE = voice_template.save(VOICE)
_BASE64 = tuple(base64.b64encode(data).decode() for data in (*_PCM, FILES[0]))

media = st.sampled_from(FILES)
_audio = st.one_of(st.sampled_from(_PCM), st.sampled_from(_PCM), mangled(st.sampled_from((*_PACKETS, *FILES))))
binaries: SearchStrategy[Said] = _audio.map(lambda data: (BINARY, data))
_encoded = one_of(_BASE64, texts)


def said(documents: SearchStrategy[Any]) -> SearchStrategy[Said]:
    """As a text that holds JSON, or nearly."""
    return written(documents).map(lambda data: (TEXT, data))


def words(*known: str) -> SearchStrategy[Said]:
    return mangled(one_of(known, texts).map(lambda text: text.encode(errors="surrogatepass")), 1).map(
        lambda data: (TEXT, data)
    )


_live = objects(
    {
        "config": objects({"sample_rate": one_of(_RATES), "language": one_of(_LANGUAGES), "finals_after_eof": scalars}),
        "Authorization": texts,
    }
)
_vosk = objects(
    {
        "config": objects({"sample_rate": one_of(_RATES), "words": scalars, "max_alternatives": scalars}),
        "eof": one_of((1,)),
        "reset": one_of((1,)),
    }
)
_whisper = objects(
    {
        "type": one_of(("stream", "stop", "file")),
        "audio": _encoded,
        "language": one_of(_LANGUAGES),
        "format": one_of(("wav", "pcm")),
    }
)
_transcribe = objects(
    {
        "type": one_of(("transcribe", "ping")),
        "machine_id": texts,
        "api_key": texts,
        "language": one_of(_LANGUAGES),
        "task": one_of(("transcribe", "translate")),
        "postprocess": scalars,
    }
)
_input = objects(
    {
        "format": objects({"type": one_of(("audio/pcm", "audio/pcmu", "audio/pcma")), "rate": one_of(_RATES)}),
        "transcription": objects(
            {
                "model": one_of(("whisper-1", "gpt-4o-transcribe")),
                "language": one_of(_LANGUAGES),
                "languages": st.lists(one_of(_LANGUAGES), max_size=3),
                "prompt": scalars,
                "keywords": values,
                "delay": one_of(("low", "xhigh")),
            }
        ),
        "noise_reduction": one_of((None, {"type": "near_field"})),
        "turn_detection": st.one_of(
            st.none(),
            objects(
                {
                    "type": one_of(("server_vad", "semantic_vad")),
                    "threshold": one_of((0, 0.5, 0.99)),
                    "silence_duration_ms": one_of((0, 200, 10_000)),
                    "prefix_padding_ms": one_of((0, 300)),
                    "eagerness": one_of(("low", "high")),
                }
            ),
        ),
    }
)
_realtime = objects(
    {
        "type": one_of(
            ("session.update", *(f"input_audio_buffer.{each}" for each in ("append", "append", "commit", "clear")))
        ),
        "event_id": scalars,
        "audio": _encoded,
        "session": objects(
            {
                "type": one_of(("transcription", "realtime")),
                "audio": objects({"input": _input}),
                "include": one_of((["item.input_audio_transcription.logprobs"], [], None), values),
            }
        ),
    }
)
_deepgram = objects({"type": one_of(("KeepAlive", "Finalize", "CloseStream", "Configure"))})
_voice = words("300", "500", "16000", "48000", "3", "0.5", "1e3", TEMPLATE)

# By the name of each protocol, what its clients say; of others there is nothing nearer.
ANYTHING: SearchStrategy[Said] = st.one_of(binaries, _voice)
SPOKEN: Mapping[str, SearchStrategy[Said]] = {
    **{
        f"{name}{encoding}": st.one_of(_voice, _voice, binaries)
        for name in ("speech_endpoint_detector", "speech_summary_stream", "voice_verify_stream")
        for encoding in ("", "_opus")
    },
    "language_detection": st.one_of(binaries, media.map(lambda data: (BINARY, data * 3)), words("x")),
    "transcribe": st.one_of(said(_transcribe), said(_transcribe), mangled(media).map(lambda data: (BINARY, data))),
    "whisper": st.one_of(said(_whisper), said(_whisper).map(lambda each: (BINARY, each[1]))),
    "live": st.one_of(binaries, said(_live), words("eof", "Geoffrey")),
    "vosk": st.one_of(binaries, said(_vosk)),
    "openai_realtime": st.one_of(said(_realtime), binaries),
    "deepgram": st.one_of(binaries, said(_deepgram)),
}

QUERIES = st.lists(
    st.tuples(
        one_of(
            (
                *("encoding", "sample_rate", "channels", "language", "interim_results", "endpointing", "punctuate"),
                *("utterance_end_ms", "vad_events", "multichannel", "diarize", "keyterm", "model", "smart_format"),
                *("token", "api_key", "callback", "detect_language", "utterances", "paragraphs"),
            ),
            texts,
        ),
        one_of(
            ("linear16", "opus", "mulaw", "16000", "8000", "1", "2", "true", "false", "en-US", "multi", "1000"), texts
        ),
    ),
    max_size=6,
)

_format = {"rate": one_of(_RATES), "width": one_of((2, 2, 2, 1)), "channels": one_of((1, 2))}
_event = objects(
    {
        "type": one_of(("describe", "transcribe", "audio-start", "audio-chunk", "audio-stop", "ping")),
        "data": objects({**_format, "language": one_of(_LANGUAGES), "text": scalars}),
        "data_length": one_of((None, 0, 2)),
        "payload_length": one_of((None, 0, 3200)),
    }
)
_chunk = st.sampled_from(_PCM).map(
    lambda pcm: (
        json.dumps(
            {"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 1}, "payload_length": len(pcm)}
        ).encode()
        + b"\n"
        + pcm
    )
)
EVENTS = st.one_of(_chunk, written(_event).map(lambda line: line + b"\n"), st.just(b'{"type": "audio-stop"}\n'))

_pieces = st.tuples(
    st.sampled_from((TEXT, BINARY, CONTINUATION, PING, PONG, CLOSE, 3, 11)),
    st.one_of(st.binary(max_size=130), st.just(b"\x03\xe8"), st.just(bytes(66_000))),
    st.booleans(),
)
frames = st.lists(
    st.one_of(_pieces.map(lambda each: frame(*each)), st.sampled_from([data for data, _ in REFUSED.values()])),
    max_size=5,
).map(b"".join)

MANIFESTS = objects(
    {
        "model": texts,
        "identity": one_of(("00" * 16,)),
        "calibration": objects({"slope": values, "intercept": values, "seconds": one_of(([1, 2],), values)}),
        "limits": objects({"max_seconds": scalars, "piece_seconds": scalars}),
        "languages": st.lists(one_of(_LANGUAGES), max_size=3),
        "tasks": one_of((["transcribe"],), values),
        "engines": one_of(([{}], [{"languages": ["en"], "limits": {"max_seconds": 10**400}}]), values),
        "capabilities": one_of(({"hotwords": True},), values),
    }
)
