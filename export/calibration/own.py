"""The same for an operator's own users: the probability moves as their recordings say, its shape stays."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from export.calibration.bundled import KIND, figure
from export.calibration.fitting import adapt
from export.calibration.listening import LEAST_SPEECH_SECONDS, RATE, Listener
from export.calibration.pairs import Pairs, Take, pairs
from export.evaluation.truth import Truth, load
from export.failure import ExportError
from export.people.sound import read
from frontend.calibration import Calibration

_LONGEST_SECONDS = 30  # that the embedding takes at once
_WINDOW_SECONDS = 3  # as a stream is judged
_LEAST_SPEAKERS = 4  # to fit on two and judge with two


def calibrate(listener: Listener, manifest: Path, start: Calibration) -> tuple[dict[str, Any], Pairs, Calibration]:
    """What a version is to say, the pairs, and the calibration that was fitted on all of them."""
    known = load(manifest)
    if not all(each.speaker for each in known):
        raise ExportError(f"{manifest} does not name the speaker of every recording")
    heard = list(_takes(listener, known))
    every = pairs(heard)
    _refuse_few(every, manifest)
    calibration = adapt(start, every)
    figures = [
        figure("own users, as calibrated before", every, start),
        figure("own users, each half by the other half's fit", *_unheard(heard, start)),
        figure("own users, as fitted on all of them", every, calibration),
    ]
    speakers = len({take.speaker for take in heard})
    result = {
        "kind": KIND,
        "slope": list(calibration.slope),
        "intercept": list(calibration.intercept),
        "seconds": list(calibration.seconds),
        "provenance": f"fitted on {speakers} own speakers, {len({take.recording for take in heard})} recordings",
        "identity": listener.identity,
        "figures": figures,
    }
    return result, every, calibration


def _takes(listener: Listener, known: Sequence[Truth]) -> Iterator[Take]:
    """Of each recording all of its speech, and windows of it."""
    for each in tqdm(known, desc="listening", unit="recording", disable=None, leave=False):
        samples = np.asarray(np.clip(read(each.audio) * 32767, -32768, 32767), np.int16)
        speech = samples[listener.speech(samples)] if len(samples) else samples
        whole = speech[: _LONGEST_SECONDS * RATE]
        step = _WINDOW_SECONDS * RATE
        windows = [whole[at : at + step] for at in range(0, len(whole) - step + 1, step)] if len(whole) > step else []
        for part in [whole, *windows]:
            if len(part) >= LEAST_SPEECH_SECONDS * RATE:
                yield Take(each.speaker, str(each.audio), len(part) / RATE, listener.embed(part))


def _unheard(heard: Sequence[Take], start: Calibration) -> tuple[Pairs, Calibration]:
    """The pairs of each half of the speakers, their scores replaced by the log-odds of the fit on the other half."""
    names = sorted({take.speaker for take in heard})
    halves = [[take for take in heard if names.index(take.speaker) % 2 == half] for half in (0, 1)]
    parts = [pairs(half) for half in halves]
    judged = []
    for part, other in zip(parts, reversed(parts), strict=True):
        odds = part.log_odds(adapt(start, other))
        numbers = np.array([names.index(name) for name in part.names])
        judged.append(Pairs(odds, part.seconds, numbers[part.speakers], tuple(names)))
    joined = [np.concatenate([getattr(each, field) for each in judged]) for field in ("score", "seconds", "speakers")]
    return Pairs(joined[0], joined[1], joined[2], tuple(names)), Calibration((1.0,), (0.0,))


def _refuse_few(every: Pairs, manifest: Path) -> None:
    spoken_twice = len(set(every.speakers[every.same][:, 0]))
    if spoken_twice < _LEAST_SPEAKERS:
        raise ExportError(
            f"{manifest}: {spoken_twice} speakers have two recordings with {LEAST_SPEECH_SECONDS} s of speech, "
            f"at least {_LEAST_SPEAKERS} are needed"
        )
