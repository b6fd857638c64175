"""Synthesis: reproducible shards, voices that are never on both sides, sounds without speech, errors counted right."""

import functools
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.training import conditions, noises, synthesis, voices
from export.training.augmentation import at_snr, augment, room, telephone
from export.training.engines import RATE, Samples
from export.training.noises import noise
from export.training.scoring import Score, distance
from export.training.shards import recordings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard of twelve utterances by espeak-ng and one of four by Flite."""
    path = tmp_path_factory.mktemp("shards")
    write(path, "voices", 12)
    write(path, "flite", 4)
    return path


def write(folder: Path, kind: str, count: int, seed: int = 1) -> None:
    options = ["--kind", kind, "--count", str(count), "--seed", str(seed), "--folder", str(folder)]
    subprocess.run([sys.executable, "-m", "export.training.synthesis", *options], check=True, timeout=60, cwd=ROOT)


def tone(count: int) -> Samples:
    return np.asarray(np.sin(np.arange(count) * 0.3) * 0.3, np.float32)


def test_the_same_seed_writes_the_same_shard(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "voices", 12)
    for name in ("voices-01.npy", "voices-01.jsonl"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_another_seed_writes_another_shard(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "voices", 12, seed=2)
    assert (tmp_path / "voices-02.jsonl").read_text() != (folder / "voices-01.jsonl").read_text()


def test_a_shard_is_read_as_it_was_written(folder: Path) -> None:
    spoken = recordings(folder, "voices-*")
    assert [recording.language for recording in spoken] == ["en", "de", "es", "fr", "it", "bg"] * 2
    for recording in spoken:
        sound = recording.samples()
        assert RATE / 4 < len(sound) <= synthesis.LONGEST_SECONDS * RATE
        assert 0.85 < np.abs(sound).max() < 0.95


def test_flites_voice_speaks_at_the_common_rate(folder: Path) -> None:
    spoken = recordings(folder, "flite-*")
    assert len(spoken) == 4
    for recording in spoken:  # 5 to 30 characters a second: a wrong rate is off by a factor of two
        assert 5 < len(recording.text) / (recording.length / RATE) < 30


def test_a_missing_shard_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"export\.training\.synthesis"):
        recordings(tmp_path, "train-*")


@functools.cache
def planned(kind: str) -> list[synthesis.Item]:
    return list(synthesis.plan(synthesis.KINDS[kind], 60, random.Random(1)))


@pytest.mark.parametrize("kind", sorted(synthesis.KINDS))
def test_a_plan_keeps_to_its_side_of_the_split_and_to_its_voices(kind: str) -> None:
    items = planned(kind)
    assert kind == "train" or not {*map(str, planned("train"))} & {*map(str, items)}
    assert {item.language for item in items} == set(voices.languages(synthesis.KINDS[kind].group))
    assert items == list(synthesis.plan(synthesis.KINDS[kind], 60, random.Random(1)))


def test_no_held_voice_is_ever_trained() -> None:
    rng = random.Random(1)
    trained = {voices.draw("trained", language, rng) for language in voices.languages("trained") for _ in range(400)}
    held = {
        voices.draw(group, language, rng)
        for group in ("unseen", "flite", "festival", "hibari")
        for language in voices.languages(group)
        for _ in range(200)
    }
    assert {voice.engine for voice in trained} == {"espeak", "flite", "festival", "pico"}
    variants = {(voice.engine, voice.name.partition("+")[2] or voice.name) for voice in trained}
    assert not variants & {(voice.engine, voice.name.partition("+")[2] or voice.name) for voice in held}


@pytest.mark.parametrize("kind", sorted(noises.KINDS))
def test_a_sound_without_speech_has_its_length_and_no_impossible_values(kind: str) -> None:
    for count in (1, 160, RATE):
        sound = noises.KINDS[kind](count, random.Random(count))
        assert sound.dtype == np.float32
        assert sound.shape == (count,)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() < 4


@given(st.integers(0, 2**32), st.integers(1600, 2 * RATE))
def test_augmented_speech_is_finite_and_reproducible(seed: int, count: int) -> None:
    sound = augment(tone(count), random.Random(seed), 1.0)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert np.array_equal(sound, augment(tone(count), random.Random(seed), 1.0))


def test_noise_lies_as_far_below_speech_as_asked() -> None:
    speech, added = tone(RATE), noise(RATE, random.Random(1), 0.0)
    rest = at_snr(speech, added, 15) - speech
    assert 10 * np.log10(np.mean(speech**2) / np.mean(rest**2)) == pytest.approx(15, abs=0.2)


def test_a_telephone_keeps_the_voice_band_alone() -> None:
    heard = np.abs(np.fft.rfft(telephone(noise(RATE, random.Random(1), 0.0))))
    assert heard[4500:].mean() < 0.1 * heard[500:3000].mean()


def test_a_room_keeps_the_length_and_about_the_level() -> None:
    heard = room(tone(RATE), random.Random(1))
    assert heard.shape == (RATE,)
    assert 0.2 < np.abs(heard).mean() / np.abs(tone(RATE)).mean() < 3


def test_joined_clips_nearly_fill_30_seconds_and_say_their_parts_in_order(folder: Path) -> None:
    english = [recording for recording in recordings(folder, "voices-*") if recording.language == "en"]
    clips = conditions.joined(english * 30)
    assert clips
    for clip in clips:
        assert 20 * RATE < len(clip.sound) <= 30 * RATE
        assert clip.text == clip.english
        assert clip.text in " ".join(recording.text for recording in english * 30)


def test_a_hundred_clips_are_without_speech() -> None:
    clips = conditions.without_speech()
    assert len(clips) == 100
    assert {clip.text for clip in clips} == {""}


@given(st.text("ab ", max_size=8), st.text("ab ", max_size=8))
def test_the_distance_is_a_metric(x: str, y: str) -> None:
    assert distance(x, y) == distance(y, x)
    assert (distance(x, y) == 0) == (x == y)
    assert abs(len(x) - len(y)) <= distance(x, y) <= max(len(x), len(y))


def test_the_distance_is_the_least_number_of_changes() -> None:
    assert [distance(*pair) for pair in (("kitten", "sitting"), ("", "abc"), ("abc", ""), ("ab", "ba"))] == [3, 3, 3, 2]
    assert distance(["a", "b", "c"], ["a", "c"]) == 1
    assert distance("ab" * 3000, "ba" * 3000) == 2  # minutes of speech have as many letters


def test_scores_count_words_characters_and_exact_sentences() -> None:
    score = Score()
    score.add("turn on the light", "turn off the light")
    score.add("yes", "yes")
    assert score.percentages() == {"wer": 20.0, "cer": round(100 * 2 / 21, 1), "exact": 50.0}


def test_a_shards_lines_say_where_each_utterance_lies(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "voices-01.jsonl").read_text(encoding="utf-8").splitlines()]
    ends = [line["offset"] + line["length"] for line in lines]
    assert [line["offset"] for line in lines] == [0, *ends[:-1]]
    assert ends[-1] == len(np.load(folder / "voices-01.npy", mmap_mode="r"))
