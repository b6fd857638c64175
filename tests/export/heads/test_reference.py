import numpy as np
import pytest

from export.heads.reference import WIDTH, Array, Heads

LANGUAGES = ("en", "de")
SHAPES = {
    "input.weight": (64, WIDTH), "input.bias": (64,), "conv0.weight": (64, 64, 5), "conv0.bias": (64,),
    "conv1.weight": (64, 64, 5), "conv1.bias": (64,), "attention.weight": (64,), "hidden.weight": (64, 128),
    "hidden.bias": (64,), "output.weight": (3, 64), "output.bias": (3,),
}  # fmt: skip
SPEECH = {
    "input.weight": (32, WIDTH), "input.bias": (32,), "conv.weight": (32, 32, 5), "conv.bias": (32,),
    "output.weight": (32,), "output.bias": (1,),
}  # fmt: skip


@pytest.fixture
def heads() -> Heads:
    rng = np.random.default_rng(1)
    shapes = {f"language.{member}.{name}": shape for member in (0, 1) for name, shape in SHAPES.items()}
    shapes |= {f"speech.{name}": shape for name, shape in SPEECH.items()}
    arrays = {name: rng.normal(0, 0.08, shape).astype(np.float32) for name, shape in shapes.items()}
    return Heads(arrays, LANGUAGES)


def frames(length: int) -> Array:
    return np.random.default_rng(length).normal(0, 1, (1, length, WIDTH)).astype(np.float32)


def test_padding_changes_nothing(heads: Heads) -> None:
    alone = [heads.scores(frames(length), np.ones((1, length), np.float32)) for length in (9, 60)]
    batch, mask = np.full((2, 60, WIDTH), 7, np.float32), np.zeros((2, 60), np.float32)
    for row, length in enumerate((9, 60)):
        batch[row, :length], mask[row, :length] = frames(length)[0], 1
    together = heads.scores(batch, mask)
    np.testing.assert_allclose(together.languages, np.concatenate([each.languages for each in alone]), atol=1e-5)
    np.testing.assert_allclose(together.no_speech, np.concatenate([each.no_speech for each in alone]), atol=1e-5)


def test_what_is_missing_to_one_is_none_of_the_languages(heads: Heads) -> None:
    probabilities = heads.scores(frames(40), np.ones((1, 40), np.float32)).languages
    assert probabilities.shape == (1, len(LANGUAGES))
    assert 0 < probabilities.sum() < 1


def test_members_are_averaged_before_they_become_probabilities(heads: Heads) -> None:
    one = Heads({name: value for name, value in heads.arrays.items() if ".1." not in name}, LANGUAGES)
    assert (heads.members, one.members) == (2, 1)
    mask = np.ones((1, 40), np.float32)
    assert not np.allclose(heads.scores(frames(40), mask).languages, one.scores(frames(40), mask).languages)


def test_a_clip_without_frames_has_no_language_and_no_speech(heads: Heads) -> None:
    scores = heads.scores(frames(5), np.zeros((1, 5), np.float32))
    assert scores.languages.tolist() == [[0, 0]]
    assert scores.no_speech.tolist() == [1]
