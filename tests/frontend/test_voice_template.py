"""Voice templates: what was saved is loaded, anything else is refused."""

import base64
import math
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend import voice_template
from frontend.errors import AudioError
from frontend.speech import Manifest, Vector, Voiceprint

IDENTITY, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
MODEL = Manifest("speaker_embedding", IDENTITY, dimensions=256)


def voice(seed: int = 0) -> Vector:
    vector = np.random.default_rng(seed).standard_normal(256)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def saved(vector: Vector, seconds: float = 2.5) -> str:
    return voice_template.save(Voiceprint(vector, MODEL, seconds))


def of_the_first_format(vector: Vector) -> str:
    content = struct.pack("<4s16sH", b"VTP1", bytes.fromhex(IDENTITY), len(vector)) + vector.astype("<f4").tobytes()
    return base64.b64encode(content + struct.pack("<I", zlib.crc32(content))).decode()


def test_a_saved_voice_is_loaded_exactly() -> None:
    loaded = voice_template.load(saved(voice()), MODEL)
    assert np.array_equal(loaded.vector, voice())
    assert (loaded.manifest, loaded.speech_seconds) == (MODEL, 2.5)


def test_a_template_of_the_first_format_is_read_and_counts_as_five_seconds() -> None:
    loaded = voice_template.load(of_the_first_format(voice()), MODEL)
    assert np.array_equal(loaded.vector, voice())
    assert loaded.speech_seconds == voice_template.UNTOLD_SPEECH_SECONDS == 5


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_a_template_of_no_amount_of_speech_is_refused(seconds: float) -> None:
    with pytest.raises(AudioError, match="does not hold a voice"):
        voice_template.load(saved(voice(), seconds), MODEL)


@pytest.mark.parametrize("form", ['"{}"', "'{}'", "{}\n", ' "{}"\r\n '])
def test_quotes_and_white_space_around_it_are_tolerated(form: str) -> None:
    assert len(voice_template.load(form.format(saved(voice())), MODEL).vector) == 256


def test_a_template_of_another_model_is_refused_by_name() -> None:
    with pytest.raises(AudioError, match="another version of the embedding model"):
        voice_template.load(saved(voice()), Manifest("speaker_embedding", OTHER, dimensions=256))


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_always_noticed(position: int, bit: int) -> None:
    content = bytearray(base64.b64decode(saved(voice())))
    content[position % len(content)] ^= 1 << bit
    with pytest.raises(AudioError):
        voice_template.load(base64.b64encode(content).decode(), MODEL)


@given(position=st.integers(0, 10_000), character=st.characters())
def test_one_changed_character_is_always_noticed(position: int, character: str) -> None:
    text = saved(voice())
    position %= len(text)
    changed = text[:position] + character + text[position + 1 :]
    if changed.strip().strip("\"'").strip() != text:
        with pytest.raises(AudioError):
            voice_template.load(changed, MODEL)


@given(text=st.one_of(st.text(), st.binary().map(lambda data: base64.b64encode(data).decode())))
def test_anything_else_is_no_template(text: str) -> None:
    with pytest.raises(AudioError):
        voice_template.load(text, MODEL)


@pytest.mark.parametrize("dimensions", [0, 3, 255, 512])
def test_a_voice_of_another_size_is_refused_whatever_its_checksum_says(dimensions: int) -> None:
    vector = np.eye(1, dimensions, dtype=np.float32)[0]
    with pytest.raises(AudioError, match="does not hold a voice"):
        voice_template.load(saved(vector), MODEL)


@pytest.mark.parametrize("vector", [np.full(256, np.nan), np.zeros(256), np.ones(256)])
def test_a_vector_that_is_no_voice_is_refused(vector: Vector) -> None:
    with pytest.raises(AudioError, match="does not hold a voice"):
        voice_template.load(saved(vector.astype(np.float32)), MODEL)
