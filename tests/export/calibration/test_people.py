"""Which recordings are of one voice, and the figures that the bundled calibration promises."""

import json
from pathlib import Path

import numpy as np
import pytest

from export.calibration.listening import Listener
from export.calibration.people import AMOUNTS_SECONDS, Voice, takes, voices
from export.calibration.voices import TEST_VOICES, sentences, speak
from export.people.recordings import Recording
from export.publishing.recipes import RECIPES
from frontend.calibration import Calibration
from tests.sounds import wav

MEASURED = json.loads(RECIPES["speaker_embedding"].calibration_path.read_text())
FIGURES = {row["set"]: row for row in MEASURED["figures"]}


def recording(source: str, speaker: str, name: str = "a.wav", several: bool = False) -> Recording:
    return Recording(Path("recordings") / name, "cs", speaker, None, source, "train", several=several)


@pytest.mark.parametrize(
    ("given", "voice"),
    [
        (recording("asterisk-core-sounds-es-wav", "allison es"), Voice("allison")),
        (recording("asterisk-core-sounds-en-wav", "allison en"), Voice("allison")),
        (recording("fillets-ng-data-cs", "fillets cs", "vit-m-hlava.ogg", several=True), Voice("fillets cs m")),
        (recording("drascula", "drascula en", "I10.ALS", several=True), Voice("drascula en I", "drascula")),
        (recording("drascula", "drascula en", "185.ALS", several=True), Voice("drascula en hacker", "drascula")),
    ],
)
def test_a_recording_is_of_one_voice(given: Recording, voice: Voice) -> None:
    assert voices([given], "train") == {voice: [given.path]}
    assert voices([given], "test") == {}


@pytest.mark.parametrize(
    "given",
    [
        recording("fillets-ng-data-cs", "fillets cs", "vit-hs-klid1.ogg", several=True),
        recording("drascula", "drascula en", "D10.ALS", several=True),
        recording("moonshine-voice", "moonshine endgame", several=True),
        recording("hedgewars-data", "hedge British"),
        recording("ktuberling-data", "ktub cs"),
    ],
)
def test_where_several_may_speak_nothing_is_taken(given: Recording) -> None:
    assert voices([given], "train") == {}


def test_takes_are_disjoint_stretches_of_known_length_and_come_disturbed_as_well(tmp_path: Path) -> None:
    spoken = np.concatenate([speak(TEST_VOICES[0], text) for text in sentences("en")[:10]])
    (tmp_path / "a.wav").write_bytes(wav(spoken))
    plain, disturbed = takes(Listener(), {Voice("one"): [tmp_path / "a.wav"], Voice("none"): []})
    assert {take.seconds for take in plain} <= set(AMOUNTS_SECONDS)
    assert len({take.recording for take in plain}) == len(plain) == len(disturbed) >= 3
    for one, other in zip(plain, disturbed, strict=True):
        assert (one.speaker, one.recording, one.seconds) == (other.speaker, other.recording, other.seconds)
        assert 0.3 < one.vector @ other.vector < 0.9999


def test_nobody_is_both_fitted_on_and_judged_with() -> None:
    assert not set(MEASURED["fitted_on"]) & set(MEASURED["judged_on"])
    assert min(len(MEASURED["fitted_on"]), len(MEASURED["judged_on"])) >= 12


def test_people_never_heard_are_told_apart() -> None:
    row = FIGURES["people never heard, 2 s of speech and more"]
    assert row["equal_error_rate"]["share"] <= 1.3
    assert row["same_accepted"]["share"] >= 97
    assert row["other_refused"]["share"] >= 97


def test_the_less_was_heard_the_less_a_difference_in_score_says() -> None:
    calibration = Calibration.parse(MEASURED)
    assert calibration is not None
    steepest = []
    for seconds in (1.0, 2.0, 3.0, 8.0):
        probabilities = np.array([calibration.probability(score, seconds, seconds) for score in np.linspace(0, 1, 200)])
        assert (np.diff(probabilities) >= 0).all()
        steepest.append(np.diff(probabilities).max())
    assert steepest == sorted(steepest)


def test_a_calibration_stands_in_the_manifest_with_its_provenance() -> None:
    assert "29 people" in MEASURED["provenance"]
    assert set(MEASURED["packages"]) >= {"drascula", "festvox-ru", "tuxpaint-stamps-default"}


def test_two_short_recordings_of_one_man_are_accepted() -> None:
    """1.5 and 2.7 s at a score of 0.689, which one threshold for all amounts of speech refused."""
    calibration = Calibration.parse(MEASURED)
    assert calibration is not None
    assert calibration.probability(0.689, 1.5, 2.7) > 0.5
    assert calibration.probability(0.689, 1.2, 2.3) > 0.5
