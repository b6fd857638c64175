"""Decoding: the same samples however the bytes were cut, and nothing that a stranger sends does harm."""

import contextlib
from collections.abc import Iterable

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.errors import AudioError
from frontend.media.codecs import OPUS_MAX_BYTES, OpusDecoder, PcmDecoder, Resampler
from frontend.media.stream import AudioFormat, Encoding, StreamDecoder, decoder_of
from frontend.speech import RATE, Samples
from tests.sounds import opus_packets, tone

RATES = (8000, 8001, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 95999, 96000)


def cut(data: bytes, lengths: list[int]) -> list[bytes]:
    """The data in pieces of these lengths, over and over."""
    pieces: list[bytes] = []
    start = 0
    while start < len(data):
        length = lengths[len(pieces) % len(lengths)]
        pieces.append(data[start : start + length])
        start += length
    return pieces


def joined(parts: Iterable[bytes]) -> Samples:
    return np.frombuffer(b"".join(parts), np.int16)


@given(data=st.binary(max_size=200), lengths=st.lists(st.integers(1, 50), min_size=1))
def test_samples_do_not_depend_on_how_the_bytes_were_cut(data: bytes, lengths: list[int]) -> None:
    decoder = PcmDecoder()
    got = b"".join(decoder.feed(piece).tobytes() for piece in cut(data, lengths))
    plain = decoder_of(AudioFormat(RATE))
    assert got == b"".join(plain.feed(piece) for piece in cut(data, lengths)) == data[: len(data) & ~1]
    assert plain.client_samples == len(data) // 2


@given(rate=st.sampled_from(RATES), lengths=st.lists(st.integers(50, 9000), min_size=1, max_size=20))
def test_resampled_samples_do_not_depend_on_how_the_bytes_were_cut(rate: int, lengths: list[int]) -> None:
    data = np.random.default_rng(rate).integers(-9000, 9000, rate).astype(np.int16).tobytes()
    whole, pieces = decoder_of(AudioFormat(rate)), decoder_of(AudioFormat(rate))
    assert whole.feed(data) == b"".join(pieces.feed(piece) for piece in cut(data, lengths))
    assert whole.client_samples == pieces.client_samples == rate


@given(rate=st.integers(8000, 96000), lengths=st.lists(st.integers(1, 5000), min_size=1, max_size=20))
def test_no_more_than_the_promised_delay_is_held_back(rate: int, lengths: list[int]) -> None:
    resampler, given_samples, got = Resampler(rate), 0, 0
    for length in lengths:
        got += len(resampler.feed(np.zeros(length, np.int16)))
        given_samples += length
        assert got >= given_samples * RATE // rate - resampler.delay_samples


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_stays_clean_and_in_its_place_over_all_cuts(rate: int) -> None:
    """No clicks: what is not the tone is at least 75 dB below it, and it is shifted by less than 0.2 ms."""
    decoder = decoder_of(AudioFormat(rate))
    got = joined([decoder.feed(piece) for piece in cut(tone(1000, 1.0, rate).tobytes(), [rate // 5 * 2 + 1])])
    radians = 2 * np.pi * 1000 * np.arange(len(got)) / RATE
    waves = np.stack([np.sin(radians), np.cos(radians)], axis=1)[1600:-1600]
    middle = got[1600:-1600].astype(float)
    fit = np.linalg.lstsq(waves, middle, rcond=None)[0]
    rest = middle - waves @ fit
    assert 20 * np.log10(np.linalg.norm(middle) / np.linalg.norm(rest)) > 75
    assert abs(np.arctan2(fit[1], fit[0])) / (2 * np.pi * 1000) < 0.0002


def test_what_16_khz_cannot_carry_is_filtered_out() -> None:
    assert np.abs(Resampler(48000).feed(tone(11000, 1.0, 48000))[1600:]).max() < 33  # -50 dB


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
def test_opus_counts_samples_at_the_rate_that_was_named(rate: int) -> None:
    decoder = StreamDecoder(AudioFormat(rate, "opus"))
    packets = opus_packets(tone(440, 1.0, RATE))
    for packet in packets:
        decoder.feed(packet)
    assert decoder.client_samples == len(packets) * rate // 50


@pytest.mark.parametrize(("encoding", "codec"), [("mulaw", "pcm_mulaw"), ("alaw", "pcm_alaw")])
def test_every_byte_of_g711_is_what_ffmpeg_makes_of_it(encoding: Encoding, codec: str) -> None:
    reference = av.CodecContext.create(codec, "r")
    reference.sample_rate, reference.layout = RATE, "mono"
    data = bytes(range(256))
    (frame,) = reference.decode(av.Packet(data))
    assert StreamDecoder(AudioFormat(RATE, encoding)).feed(data) == frame.to_ndarray().tobytes()


@given(lengths=st.lists(st.integers(1, 50), min_size=1), channels=st.integers(1, 5))
def test_channels_are_mixed_however_the_bytes_were_cut(lengths: list[int], channels: int) -> None:
    frames = np.random.default_rng(1).integers(-9000, 9000, (100, channels)).astype(np.int16)
    decoder = StreamDecoder(AudioFormat(RATE, channels=channels))
    got = joined([decoder.feed(piece) for piece in cut(frames.tobytes(), lengths)])
    assert np.abs(got - frames.mean(axis=1)).max() <= 0.5
    assert decoder.client_samples == 100


@given(rate=st.sampled_from(RATES), length=st.integers(100, 5000))
def test_what_is_drained_is_all_that_is_missing_and_what_follows_is_whole_again(rate: int, length: int) -> None:
    decoder = decoder_of(AudioFormat(rate))
    for _ in range(2):
        got_bytes = len(decoder.feed(bytes(2 * length))) + len(decoder.drain())
        assert abs(got_bytes / 2 - length * RATE / rate) < 2


def test_opus_carries_the_tone() -> None:
    decoder = StreamDecoder(AudioFormat(16000, "opus"))
    got = joined([decoder.feed(packet) for packet in opus_packets(tone(440, 1.0, RATE))])
    spectrum = np.abs(np.fft.rfft(got[4000:12000].astype(float)))
    assert abs(int(spectrum.argmax()) * RATE / 8000 - 440) <= 2


@given(garbage=st.binary(max_size=300))
def test_opus_garbage_is_samples_or_an_error_and_the_decoder_goes_on(garbage: bytes) -> None:
    decoder = OpusDecoder()
    with contextlib.suppress(AudioError):
        assert decoder.feed(garbage).dtype == np.int16
    assert len(decoder.feed(opus_packets(tone(440, 0.1, RATE))[0])) == 960


@pytest.mark.parametrize("packet", [b"", bytes(OPUS_MAX_BYTES + 1)])
def test_what_cannot_be_a_packet_never_reaches_the_decoder(packet: bytes) -> None:
    with pytest.raises(AudioError, match="not an Opus packet"):
        OpusDecoder().feed(packet)


def test_stereo_packets_are_mixed_down() -> None:
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 48000, "stereo", "s16"
    codec.open()
    frame = av.AudioFrame.from_ndarray(np.repeat(tone(440, 0.02, 48000), 2)[None], format="s16", layout="stereo")
    frame.sample_rate = 48000
    packets = [bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None))]
    assert len(OpusDecoder().feed(packets[0])) == 960
