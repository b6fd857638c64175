"""Two voices against each other: how much speech was heard counts, and too little of it is told."""

import dataclasses

import numpy as np
import pytest

from frontend.calibration import Calibration
from frontend.errors import AudioError
from frontend.speech import Manifest, Voiceprint
from frontend.tasks.voice import compare

BY_SPEECH = Calibration((40.0, -10.0), (-30.0, 12.0), (0.5, 30.0))
MANIFEST = Manifest("speaker_embedding", "00" * 16, BY_SPEECH, dimensions=2)
ONE = Voiceprint(np.array([1, 0], np.float32), MANIFEST, 8.0)
OTHER = Voiceprint(np.array([0.7, 0.51**0.5], np.float32), MANIFEST, 8.0)


def test_one_score_means_more_where_little_was_heard() -> None:
    """A voice is less like itself the less there is of it: what refuses long recordings accepts short ones."""
    probability, score = compare(ONE, OTHER, 0.5)
    assert score == pytest.approx(0.7)
    assert probability < 0.5 < compare(ONE, dataclasses.replace(OTHER, speech_seconds=1.2), 0.5)[0]


def test_what_is_too_short_to_judge_is_told_and_not_refused() -> None:
    with pytest.raises(AudioError, match=r"too little speech: 0\.4 s, at least 0\.5 s are needed"):
        compare(ONE, dataclasses.replace(OTHER, speech_seconds=0.4), 0.5)
