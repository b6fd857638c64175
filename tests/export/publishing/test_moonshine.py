"""The wheel's weights behind `asr`: what is told of them, and what is understood of a person with them."""

import importlib.metadata
import json
import wave
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from docker.triton.backends.asr.recognition.families import recogniser as family
from docker.triton.backends.asr.recognition.graph import inputs
from docker.triton.backends.asr.recognition.manifest import Manifest
from docker.triton.backends.asr.recognition.transcript import Transcript
from docker.triton.backends.asr.recognition.vocabulary import Vocabulary
from docker.triton.backends.asr.recognition.wish import RequestError, Samples, Wish
from export.graphs.runtime import Runner
from export.publishing.asr_version import asr_files, graph_manifest
from export.publishing.moonshine import recogniser

pytestmark = pytest.mark.timeout(300)  # the first of a process exports all models

SAID = "ever tried ever failed no matter try again fail again fail better"
RATE = 16_000


class Listener:
    """The published graph and the backend's own reading of it, without Triton."""

    def __init__(self, repository: Path) -> None:
        self.described = recogniser("asr 1", {"max_difference": 0.0})
        files = asr_files(self.described, {"model": "moonshine", "version": 1})
        self.manifest = Manifest.parse(files["manifest.json"].decode())
        self._family = family(self.manifest, Vocabulary.parse(files["tokenizer.json"].decode()))
        self._graph = Runner(repository / "moonshine/1/model.onnx")

    def hear(self, *wishes: Wish) -> list[Transcript]:
        rows = [self._family.row(wish) for wish in wishes]
        answer = self._graph.run(inputs(rows, self.manifest), *self._family.outputs(wishes))
        return self._family.transcripts(wishes, rows, answer)

    @cached_property
    def person(self) -> Samples:
        """A man who reads Beckett, out of the same wheel."""
        found = importlib.metadata.distribution("moonshine-voice").locate_file("moonshine_voice/assets/beckett.wav")
        with wave.open(str(found)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
            return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@pytest.fixture(scope="module")
def listener(repository: Path) -> Listener:
    return Listener(repository)


def plain(words: tuple[str, ...]) -> str:
    return " ".join("".join(filter(str.isalpha, word.lower())) for word in words)


def test_a_person_is_understood(listener: Listener) -> None:
    (heard,) = listener.hear(Wish(listener.person))
    assert plain(heard.words) == SAID
    assert "".join(heard.words).startswith(" Ever tried")
    assert heard.words[-1].endswith(".")
    assert (heard.language, heard.language_probability > 0.8, heard.truncated) == ("en", True, False)
    assert min(heard.confidences) > 0.3
    assert heard.average_log_probability > -0.3


def test_words_have_their_times(listener: Listener) -> None:
    """A second of silence before it moves all of them by a second."""
    silence = np.zeros(RATE, np.int16)
    at_once, later = (listener.hear(Wish(each))[0] for each in
                      (listener.person, np.concatenate([silence, listener.person])))  # fmt: skip
    assert plain(later.words) == SAID
    assert list(at_once.starts) == sorted(at_once.starts)
    assert (at_once.ends <= len(listener.person) / RATE).all()
    assert float(np.median(np.abs(later.starts - at_once.starts - 1))) < 0.08


def test_given_words_come_first_and_the_rest_follows(listener: Listener) -> None:
    (free,) = listener.hear(Wish(listener.person))
    (forced,) = listener.hear(Wish(listener.person, prefix=tuple(word.strip() for word in free.words[:5])))
    assert forced.words == free.words
    np.testing.assert_allclose(forced.starts, free.starts, atol=0.03)
    np.testing.assert_allclose(forced.confidences[5:], free.confidences[5:], atol=0.02)


def test_rows_of_a_batch_say_what_they_say_alone(listener: Listener) -> None:
    clips = [listener.person[: round(seconds * RATE)] for seconds in (1.2, 3.5, 10.0, 6.1)]
    together = listener.hear(*map(Wish, clips))
    for clip, heard in zip(clips, together, strict=True):
        (alone,) = listener.hear(Wish(clip))
        assert heard.words == alone.words
        np.testing.assert_allclose(heard.starts, alone.starts, atol=0.03)
        np.testing.assert_allclose(heard.confidences, alone.confidences, atol=1e-3)


def test_silence_has_no_words(listener: Listener) -> None:
    (heard,) = listener.hear(Wish(np.zeros(2 * RATE, np.int16)))
    assert heard.words == ()
    assert heard.no_speech_probability == 1.0


def test_what_nobody_says_is_cut_off_by_the_length_of_the_sound(listener: Listener) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, RATE // 2).astype(np.int16)
    (heard,) = listener.hear(Wish(noise))
    assert sum(len(word.split()) for word in heard.words) <= 6.5 / 2 + 6


def test_words_that_no_piece_spells_are_bytes(listener: Listener) -> None:
    (heard,) = listener.hear(Wish(listener.person[: 2 * RATE], prefix=("𓀀", "tried")))
    assert heard.words[0] == " 𓀀"
    assert heard.words[1].startswith(" tried")


def test_more_given_words_than_there_is_room_for_are_refused(listener: Listener) -> None:
    with pytest.raises(RequestError, match="the model has room for 192"):
        listener.hear(Wish(listener.person, prefix=("word",) * 200))


def test_the_manifests_tell_whose_weights_these_are(listener: Listener) -> None:
    described = listener.described
    told = json.loads(json.dumps(graph_manifest("moonshine", described)))
    assert told["licence"] == "MIT"
    assert told["source"].startswith("moonshine-voice 0.1.0")
    assert set(told["sha256"]) == {"encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"}
    assert 15 <= described.piece_seconds <= 20
    assert listener.manifest.max_samples == 30 * RATE
    assert listener.manifest.capabilities.prefix
    assert not listener.manifest.capabilities.prompt
