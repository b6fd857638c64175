"""Sounds that tests make: tones, noise, Opus packets, WAV files."""

import io
import struct

import av
import numpy as np
import soundfile

from frontend.speech import Samples


def tone(hertz: float, seconds: float, rate: int, amplitude: float = 0.3) -> Samples:
    time = np.arange(round(seconds * rate)) / rate
    values = np.rint(np.sin(2 * np.pi * hertz * time) * amplitude * 32767)
    return np.asarray(values, np.int16)


def noise(seconds: float, rate: int, amplitude: float = 0.1, seed: int = 0) -> Samples:
    values = np.random.default_rng(seed).standard_normal(round(seconds * rate)) * amplitude * 32767
    return np.clip(values, -32768, 32767).astype(np.int16)


def opus_packets(samples: Samples, rate: int = 16000) -> list[bytes]:
    """Packets of 20 ms."""
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = rate, "mono", "s16"
    codec.options = {"frame_duration": "20", "application": "voip"}
    codec.open()
    step = rate // 50
    packets = []
    for start in range(0, len(samples) - step + 1, step):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + step], format="s16", layout="mono")
        frame.sample_rate = rate
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


def wav(samples: Samples, rate: int = 16000, subtype: str = "PCM_16", container: str = "WAV") -> bytes:
    """A file; samples of several channels have the shape (samples, channels)."""
    file = io.BytesIO()
    values = samples / 32768 if subtype in ("FLOAT", "DOUBLE") else samples
    soundfile.write(file, values, rate, format=container, subtype=subtype)
    return file.getvalue()


def wav_claiming(samples: Samples, data_bytes: int, rate: int = 16000) -> bytes:
    """A WAV whose header claims so many bytes of data, whatever follows."""
    data = samples.tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", min(0xFFFFFFFF, 36 + data_bytes), b"WAVE")
    return riff + form + struct.pack("<4sI", b"data", data_bytes) + data
