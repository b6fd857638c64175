"""Files of strangers: decoded in processes with limits, whatever they claim to be."""

import contextlib
import io
import struct
from collections.abc import AsyncIterator

import av
import numpy as np
import pytest

from frontend.config import settings
from frontend.errors import AudioError
from frontend.media.decoder import MediaDecoder, Recording
from frontend.memory.memory_file import MemoryFile
from frontend.speech import Samples
from frontend.telemetry.metrics import Metrics
from tests.sounds import noise, tone, wav, wav_claiming

SECOND = tone(440, 1.0, 16000)


@contextlib.asynccontextmanager
async def decoder(**options: float) -> AsyncIterator[MediaDecoder]:
    one = MediaDecoder(settings.Media(**({"workers": 1} | options)), Metrics())  # type: ignore[arg-type]
    try:
        yield one
    finally:
        await one.close()


async def decoded(
    media: MediaDecoder, data: bytes, pcm_rate: int | None = None, *, wav_only: bool = False
) -> Recording:
    """The recording in some bytes, which the media decoder believes to be used already."""
    with contextlib.closing(MemoryFile()) as file:
        file.append(data)
        async with media.recording(file, pcm_rate, wav_only=wav_only) as recording:
            return recording


def encoded(container: str, codec: str, rate: int = 48000, samples: Samples | None = None) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        samples = tone(440, 1.0, rate) if samples is None else samples
        for start in range(0, len(samples), 960):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 960], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("mp4", "aac", 48000),
        ("webm", "libopus", 48000),
        ("ogg", "libopus", 48000),
        ("mp3", "libmp3lame", 44100),
        ("flac", "flac", 16000),
        ("wav", "pcm_s16le", 8000),
        ("flv", "aac", 44100),
        ("ac3", "ac3", 48000),
        ("eac3", "eac3", 48000),
        ("mpeg", "mp2", 48000),
        ("wv", "wavpack", 48000),
        ("voc", "pcm_s16le", 16000),
        ("tta", "tta", 16000),
        ("sox", "pcm_s32le", 16000),
    ],
)
async def test_whatever_browsers_and_phones_make_is_decoded(container: str, codec: str, rate: int) -> None:
    async with decoder() as media:
        recording = await decoded(media, encoded(container, codec, rate))
    assert recording.client_rate == rate
    assert abs(recording.client_samples / rate - 1) < 0.1
    spectrum = np.abs(np.fft.rfft(recording.samples[4000:12000].astype(float)))
    assert abs(int(spectrum.argmax()) * 2 - 440) <= 2


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
async def test_every_kind_of_wav_gives_the_same_second(subtype: str, container: str) -> None:
    async with decoder() as media:
        recording = await decoded(media, wav(SECOND, 16000, subtype, container))
    assert (recording.client_samples, recording.client_rate, len(recording.samples)) == (16000, 16000, 16000)
    tolerance = 600 if subtype in ("PCM_U8", "ULAW") else 1
    assert np.abs(recording.samples.astype(int) - SECOND).max() <= tolerance


async def test_vorbis_is_decoded() -> None:
    async with decoder() as media:
        recording = await decoded(media, wav(tone(440, 1.0, 44100), 44100, "VORBIS", "OGG"))
    assert recording.client_rate == 44100
    assert abs(recording.client_samples - 44100) < 500


async def test_channels_are_averaged() -> None:
    channels = np.stack([SECOND, np.zeros_like(SECOND), SECOND, np.zeros_like(SECOND)], axis=1)
    async with decoder() as media:
        recording = await decoded(media, wav(channels))
    assert np.abs(recording.samples.astype(int) - SECOND / 2).max() <= 1


@pytest.mark.parametrize("claimed", [0, 2**31, 0xFFFFFFFF])
async def test_a_wav_that_lies_about_its_length_gives_what_is_there(claimed: int) -> None:
    async with decoder() as media:
        recording = await decoded(media, wav_claiming(SECOND, claimed))
    assert np.array_equal(recording.samples, SECOND)


def garbage() -> list[bytes]:
    random = np.random.default_rng(3)
    files = [encoded("mp4", "aac"), encoded("webm", "libopus")]
    broken = [b"", b"\0", b"RIFF", random.bytes(50_000), b"#EXTM3U\n/etc/passwd\n", struct.pack("<4sI", b"RIFF", 2**31)]
    return broken + [file[: len(file) // 50] for file in files]


async def test_what_is_no_audio_is_refused_and_the_next_file_is_decoded() -> None:
    async with decoder() as media:
        for file in garbage():
            with pytest.raises(AudioError):
                await decoded(media, file)
        assert len((await decoded(media, wav(SECOND))).samples) == 16000


@pytest.mark.parametrize("rate", [1, 3_000_000])
async def test_rates_nobody_records_at_are_refused(rate: int) -> None:
    async with decoder() as media:
        with pytest.raises(AudioError):
            await decoded(media, wav_claiming(SECOND, 32000, rate))


async def test_a_playlist_cannot_name_files_of_this_machine() -> None:
    async with decoder() as media:
        for text in ("ffconcat version 1.0\nfile /etc/hostname\n", "#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"):
            with pytest.raises(AudioError):
                await decoded(media, text.encode())


async def test_a_file_that_decodes_to_far_too_much_is_refused() -> None:
    bomb = encoded("flac", "flac", 48000, np.zeros(48000 * 60, np.int16))
    assert len(bomb) < 100_000
    async with decoder(decoded_seconds=10.0) as media:
        with pytest.raises(AudioError, match="longer than 10 s"):
            await decoded(media, bomb)


async def test_memory_of_a_worker_is_limited() -> None:
    async with decoder(memory_bytes=1 << 20) as media:
        with pytest.raises(AudioError):
            await decoded(media, wav(noise(300, 16000)))


async def test_a_float_wav_with_values_that_are_no_numbers_is_decoded() -> None:
    values = np.frombuffer(wav(SECOND, subtype="FLOAT"), np.uint8).copy()
    values[-4000:] = 0xFF  # NaN
    async with decoder() as media:
        assert not (await decoded(media, values.tobytes())).samples[-900:].any()


async def test_a_file_whose_rate_changes_is_decoded_to_its_end() -> None:
    first, second = encoded("flac", "flac", 44100), encoded("flac", "flac", 48000)
    async with decoder() as media:
        recording = await decoded(media, first + second)
    assert recording.client_rate == 44100
    assert abs(recording.client_samples / 44100 - 2) < 0.01
    spectrum = np.abs(np.fft.rfft(recording.samples[20000:28000].astype(float)))
    assert abs(int(spectrum.argmax()) * 2 - 440) <= 2


async def test_bare_samples_are_resampled_from_their_rate() -> None:
    async with decoder() as media:
        recording = await decoded(media, tone(440, 1.0, 44100).tobytes(), 44100)
    assert (recording.client_samples, len(recording.samples)) == (44100, 16000)
