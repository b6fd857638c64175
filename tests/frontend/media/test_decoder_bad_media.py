"""Media that lies or is broken off: each one clear error or what can be decoded of it, and the next file is decoded."""

import functools
import io

import av
import numpy as np
import pytest

from frontend.errors import AudioError, IncompleteError
from frontend.media import json_audio
from frontend.media.decoder import MediaDecoder
from tests.frontend.media.test_decoder import SECOND, decoded, decoder, encoded
from tests.frontend.media_files import fragmented_mp4
from tests.sounds import tone, wav, wav_claiming

DIED = "the file could not be decoded within the limits"


@functools.cache
def mp4() -> bytes:
    return encoded("mp4", "aac", 48000, tone(440, 3.0, 48000))


@functools.cache
def blobs() -> list[bytes]:
    return fragmented_mp4(tone(440, 12.0, 48000), blob_seconds=4.0)


async def fate(media: MediaDecoder, file: bytes) -> str:
    """Why a file was refused; nothing where it was decoded."""
    try:
        await decoded(media, file)
    except AudioError as e:
        return str(e)
    return ""


async def test_an_mp4_cut_at_any_byte_decodes_or_may_still_come() -> None:
    async with decoder() as media:
        for cut in np.linspace(16, len(mp4()) - 1, 40).astype(int):
            try:
                await decoded(media, mp4()[:cut])
            except IncompleteError:
                continue
        for cut in np.linspace(len(blobs()[0]), sum(map(len, blobs())), 20).astype(int):
            assert (await decoded(media, b"".join(blobs())[:cut])).client_samples > 3.5 * 48000
        assert len((await decoded(media, wav(SECOND))).samples) == 16000


async def test_a_fragment_without_the_beginning_is_refused() -> None:
    async with decoder() as media:
        with pytest.raises(AudioError, match="does not decode"):
            await decoded(media, blobs()[1])


async def test_a_video_without_sound_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    async with decoder() as media:
        with pytest.raises(AudioError, match="holds no audio"):
            await decoded(media, file.getvalue())


async def test_channels_are_averaged_up_to_a_number_that_is_told() -> None:
    async with decoder() as media:
        for channels, container in ((8, "FLAC"), (8, "WAV"), (40, "WAV")):
            recording = await decoded(media, wav(np.stack([SECOND] * channels, axis=1), container=container))
            assert np.abs(recording.samples.astype(int) - SECOND).max() <= 1
        assert await fate(media, wav(np.stack([SECOND] * 100, axis=1))) == "100 channels are not supported"
        assert len((await decoded(media, wav(SECOND))).samples) == 16000


@pytest.mark.parametrize("claimed_rate", [1, 999, 3_000_000])
async def test_a_rate_nobody_records_at_is_named(claimed_rate: int) -> None:
    async with decoder() as media:
        with pytest.raises(AudioError, match=f"{claimed_rate} Hz is not supported"):
            await decoded(media, wav_claiming(SECOND, 32000, claimed_rate))


@pytest.mark.parametrize("claimed", [1, 31_999, 32_001, 2**31, 2**32 - 1])
async def test_a_wav_followed_or_preceded_by_lies_does_not_kill_the_decoder(claimed: int) -> None:
    async with decoder() as media:
        for file in (wav_claiming(SECOND, claimed), wav_claiming(SECOND, claimed) + b"late" + wav(SECOND)):
            assert await fate(media, file) != DIED


async def test_only_a_wav_is_taken_where_a_wav_is_asked_for() -> None:
    async with decoder() as media:
        assert (await decoded(media, wav(SECOND), wav_only=True)).client_samples == 16000
        for file in (mp4(), wav(SECOND)[1:], b"RIFF" + wav(SECOND)[4:8] + b"AVI " + wav(SECOND)[12:]):
            with pytest.raises(AudioError, match="not a WAV file"):
                await decoded(media, file, wav_only=True)


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA=A", "ÄÄ", "AA-_", "data:audio/wav;base64,!"])
def test_what_is_no_base64_is_said(text: str) -> None:
    opened = json_audio.opened(f'{{"audio": "{text}"}}'.encode())
    assert (opened.audio, opened.audio_error) == (None, "audio is not valid base64")
