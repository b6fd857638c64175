"""Containers that come in a stream: the same samples as FFmpeg's, however the bytes were cut, and no harm by any."""

import contextlib
import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.errors import AudioError
from frontend.media.stream import MOST_DAMAGED, PACKETS_AT_ONCE, AudioFormat, ContainerDecoder, decoder_of
from frontend.speech import RATE, Samples
from tests.frontend.media.test_stream import cut, joined
from tests.sounds import tone

TONE = tone(440, 1.0, RATE)


def contained(kind: str, codec: str, rate: int = RATE, channels: int = 1) -> bytes:
    """The tone, as FFmpeg writes it."""
    file, layout = io.BytesIO(), "stereo" if channels == 2 else "mono"
    samples = np.repeat(tone(440, 1.0, rate), channels)
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate)
        for each in (*resampler.resample(frame), None):
            for packet in stream.encode(each):
                container.mux(packet)
    return file.getvalue()


def all_of(decoder: ContainerDecoder, piece: bytes) -> list[bytes]:
    """As often as it takes."""
    parts = [decoder.feed(piece)]
    while decoder.behind:
        parts.append(decoder.feed(b""))
    return parts


def heard(data: bytes, lengths: list[int]) -> Samples:
    decoder = ContainerDecoder()
    got = joined([samples for piece in cut(data, lengths) for samples in all_of(decoder, piece)] + [decoder.drain()])
    assert decoder.client_samples == len(got)
    return got


WAVS = ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_alaw", "pcm_mulaw"]


@pytest.mark.parametrize("codec", WAVS)
@pytest.mark.parametrize(("rate", "channels"), [(RATE, 1), (8000, 2), (44_100, 2)])
def test_a_wav_of_every_kind_is_heard(codec: str, rate: int, channels: int) -> None:
    got = heard(contained("wav", codec, rate, channels), [999])
    assert abs(len(got) - RATE) <= 1
    middle = slice(1000, 15_000)
    rough = 400 if codec in ("pcm_u8", "pcm_alaw", "pcm_mulaw") else 40
    if rate > RATE:
        rough += 2900  # of the tone's 4400: its place is a tenth of a millisecond off
    assert np.abs(got[middle].astype(int) - TONE[middle]).max() < rough


@pytest.mark.parametrize(("kind", "codec"), [("ogg", "libopus"), ("webm", "libopus")])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_opus_is_heard_in_what_browsers_record_it_in(kind: str, codec: str, rate: int) -> None:
    got = heard(contained(kind, codec, rate), [500])
    assert abs(len(got) - RATE) < 0.05 * RATE
    spectrum = np.abs(np.fft.rfft(got[4000:12_000].astype(float)))
    assert abs(int(spectrum.argmax()) * RATE / 8000 - 440) <= 2


FILES = [contained("wav", "pcm_s24le", 44_100, 2), contained("ogg", "libopus", 48_000), contained("webm", "libopus")]


@given(data=st.sampled_from(FILES), lengths=st.lists(st.integers(300, 5000), min_size=1, max_size=5))
def test_samples_do_not_depend_on_how_the_bytes_were_cut(data: bytes, lengths: list[int]) -> None:
    assert np.array_equal(heard(data, [len(data)]), heard(data, lengths))


@given(
    data=st.sampled_from([*FILES, b"RIFF", b"OggS", b"\x1aE\xdf\xa3"]),
    place=st.integers(0, 400),
    noise=st.binary(max_size=300),
    lengths=st.lists(st.integers(50, 9000), min_size=1, max_size=5),
)
def test_a_broken_one_is_refused_or_heard_and_never_more(
    data: bytes, place: int, noise: bytes, lengths: list[int]
) -> None:
    with contextlib.suppress(AudioError):
        heard(data[:place] + noise + data[place:], lengths)


@pytest.mark.parametrize("data", [b"fLaC and more", b"\xff\xfb\x90\x00 an MP3", bytes(100)])
def test_what_is_none_of_these_is_told_so(data: bytes) -> None:
    with pytest.raises(AudioError, match="neither WAV nor Opus"):
        decoder_of(AudioFormat(RATE, "container")).feed(data)


# Two frames of the same length in an odd number of bytes (RFC 6716, 3.2.3).
DAMAGED = b"\x79\0\0\0"


def ogg(packets: list[bytes]) -> bytes:
    """One page."""
    lengths = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    return b"OggS" + bytes(22) + bytes([len(lengths)]) + lengths + b"".join(packets)


def test_packets_of_a_byte_that_hold_much_are_decoded_a_few_at_a_time() -> None:
    decoder = ContainerDecoder()
    decoder.feed(ogg([b"OpusHead" + bytes(11)]) + ogg([b"OpusTags" + bytes(8)]))
    parts = [len(pcm) // 2 for pcm in all_of(decoder, ogg([b"\x18"] * 200))]  # 60 ms each, of silence
    assert max(parts) <= PACKETS_AT_ONCE * 0.06 * RATE + 1
    assert abs(sum(parts) - 200 * 0.06 * RATE) < 0.05 * RATE


def framed() -> tuple[list[bytes], bytes]:
    """Opus packets of the tone, and the headers before them."""
    with av.open(io.BytesIO(FILES[1])) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    return packets, ogg([b"OpusHead" + bytes(11)]) + ogg([b"OpusTags" + bytes(8)])


def test_a_damaged_packet_takes_no_other_with_it() -> None:
    packets, headers = framed()
    decoder = ContainerDecoder()
    pages = headers + ogg([*packets[:21], DAMAGED, *packets[21:]])
    got = joined([*all_of(decoder, pages), decoder.drain()])
    assert len(got) == len(heard(headers + ogg(packets), [500]))


def test_a_stream_of_nothing_but_damaged_packets_is_told_so() -> None:
    packets, headers = framed()
    with pytest.raises(AudioError, match="does not decode"):
        ContainerDecoder().feed(headers + ogg([DAMAGED]))
    decoder = ContainerDecoder()
    all_of(decoder, headers + ogg(packets) + ogg([DAMAGED] * (MOST_DAMAGED - 1)) + ogg(packets))
    with pytest.raises(AudioError, match="does not decode"):
        all_of(decoder, ogg([DAMAGED] * MOST_DAMAGED))


def test_elements_without_sound_are_read_a_few_at_a_time_and_what_follows_is_heard() -> None:
    data, void = contained("webm", "libopus", 48_000), b"\xec\x80"
    decoder, cluster = ContainerDecoder(), data.index(b"\x1f\x43\xb6\x75")
    assert len(all_of(decoder, data[:cluster] + 8000 * void)) > 8000 // 64 // PACKETS_AT_ONCE
    assert joined([*all_of(decoder, data[cluster:]), decoder.drain()]).tobytes() == heard(data, [len(data)]).tobytes()


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_of_no_known_length_goes_on_and_what_stands_behind_the_samples_is_left_out(size: int) -> None:
    data = contained("wav", "pcm_s16le")
    start = data.index(b"data")
    endless = data[: start + 4] + size.to_bytes(4, "little") + data[start + 8 :]
    assert len(heard(endless, [700])) == RATE
    assert len(heard(data + b"LIST" + bytes(100), [700])) == RATE


@pytest.mark.parametrize("head", [b"RIFF\0\0\0\0WAVEbig \xff\xff\xff\x7f", b"RIFF\0\0\0\0WAVEdata\0\0\0\0"])
def test_a_header_that_lies_is_refused_before_it_is_awaited(head: bytes) -> None:
    with pytest.raises(AudioError):
        ContainerDecoder().feed(head + bytes(100))
