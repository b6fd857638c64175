"""The speaker graph: as the float64 reference, alone and in a batch, at any volume and with nothing to hear."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.graphs.mel import filters
from export.graphs.runtime import Runner
from export.parity.speaker_embedding import embeddings, measure, voicelike
from export.parity.speaker_reference import partial_slices
from export.publishing.recipes import RECIPES


def embed(speaker: Runner, samples: NDArray[np.int16], length: int | None = None) -> NDArray[np.float32]:
    lengths = np.array([len(samples) if length is None else length])
    return np.asarray(embeddings(speaker, samples[None], lengths)[0])


def test_it_says_what_the_reference_says_alone_and_batched(repository: Path) -> None:
    model = (repository / "speaker_embedding/1/model.onnx").read_bytes()
    parity = measure(model, RECIPES["speaker_embedding"].source.locate())
    assert parity["max_difference"] <= 2e-5
    assert parity["batched_to_single"] <= 1e-6


def test_embeddings_have_norm_one(speaker: Runner) -> None:
    assert np.linalg.norm(embed(speaker, voicelike(48_000, 120, 0.3))) == pytest.approx(1, abs=1e-5)


def test_padding_of_any_content_and_length_changes_nothing(speaker: Runner, random: np.random.Generator) -> None:
    voice = voicelike(30_000, 150, 0.2)
    expected = embed(speaker, voice)
    for extra in (1, 5_000, 50_000):
        padded = np.concatenate([voice, random.integers(-32768, 32767, extra).astype(np.int16)])
        np.testing.assert_allclose(embed(speaker, padded, len(voice)), expected, atol=1e-6)


def test_a_quiet_voice_is_raised_to_the_same_volume_and_a_loud_one_left_alone(speaker: Runner) -> None:
    quiet, quieter = (embed(speaker, voicelike(48_000, 120, loudness)) for loudness in (0.04, 0.02))
    assert np.dot(quiet, quieter) > 0.999
    # Above -30 dBFS the volume stays as it is, and the power mel of the original hears it.
    assert np.dot(quiet, embed(speaker, voicelike(48_000, 120, 0.9))) < 0.999


@pytest.mark.parametrize("samples", [1, 159, 512, 16_000, 48_000])
def test_digital_silence_gives_finite_numbers(speaker: Runner, samples: int) -> None:
    assert np.isfinite(embed(speaker, np.zeros(samples, np.int16))).all()


def test_one_lone_sample_in_silence_gives_finite_numbers(speaker: Runner) -> None:
    click = np.zeros(320_000, np.int16)
    click[1000] = 1
    assert np.isfinite(embed(speaker, click)).all()


def test_full_scale_noise_gives_finite_numbers(speaker: Runner, random: np.random.Generator) -> None:
    noise = random.choice(np.array([-32768, 32767], np.int16), 32_000)
    assert np.isfinite(embed(speaker, noise)).all()


@pytest.mark.parametrize(("asked", "taken"), [(0, 1), (-7, 1), (40_001, 40_000), (2**31 - 1, 40_000)])
def test_a_wrong_length_is_clamped_and_its_neighbour_unharmed(speaker: Runner, asked: int, taken: int) -> None:
    batch = np.stack([voicelike(40_000, 110, 0.2), voicelike(40_000, 200, 0.2)])
    wrong, right = (embeddings(speaker, batch, np.array([length, 40_000])) for length in (asked, taken))
    np.testing.assert_array_equal(wrong, right)


def test_windows_begin_every_77_frames_and_the_last_is_covered_by_three_quarters() -> None:
    assert [part.start for part in partial_slices(8_000)] == [0]
    enough = 77 * 160 + 19_200
    assert [part.start for part in partial_slices(enough - 1)] == [0]
    assert [part.start for part in partial_slices(enough)] == [0, 77]
    starts = [part.start for part in partial_slices(160_000)]
    assert {later - earlier for earlier, later in pairwise(starts)} == {77}


def test_mel_filters_have_unit_area_and_their_peaks_rise() -> None:
    # With finer bins than the encoder's, so that the sum comes near the integral.
    bank = filters(40, 16_000, 16_000)
    np.testing.assert_allclose(bank.sum(axis=1), 1, atol=0.02)
    assert (np.diff(bank.argmax(axis=1)) > 0).all()
