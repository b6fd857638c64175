"""`python -m export.calibration.speaking`: from what on something was said, for `asr` without a language.

Two limits on what the heads over Moonshine's encoder answer. One on how likely nobody speaks: in the middle, in
log-odds, between what ninety-nine of a hundred people's recordings stay below and the least that is heard of the sounds
of nobody which voice activity takes for speech. One on the likeliest language: as high as costs one of a hundred
recordings whose language is heard right. Both are fitted on people and sounds that are kept for that or taught the
heads, and judged on others. After new heads run it anew.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from docker.triton.backends.asr.recognition import voices
from docker.triton.backends.asr.recognition.detection import Detection
from docker.triton.backends.asr.recognition.graph import GraphCall, Tensors
from docker.triton.backends.asr.recognition.manifest import Manifest
from docker.triton.backends.asr.recognition.routing import MOSTLY
from docker.triton.backends.asr.recognition.wish import Samples, Wish
from export.calibration.listening import RATE
from export.failure import ExportError
from export.graphs import vad
from export.graphs.runtime import Runner
from export.heads.reference import WEIGHTS
from export.people import silences
from export.people.fetching import CACHE
from export.people.recordings import TEST_SPEAKERS
from export.people.sound import read
from export.publishing import moonshine
from export.publishing.asr_version import language_facts
from export.publishing.recipes import MOONSHINE, RECIPES, SPEAKING
from export.training.conditions import without_speech
from export.training.heads import persons

FIT, JUDGED = "fit", "judged"
_LOST_SHARE = 0.01
_MOST_CLIPS = 10  # of a speaker, alone and joined
_LONGEST_SECONDS = 30
_QUIET_SECONDS = 0.2  # around what people say: nobody is cut out to the sample
# Though they stand among effects, somebody speaks in them.
_SPOKEN = ("apollo_lander.ogg", "excellent.wav")


@dataclass(frozen=True)
class Answer:
    """What was heard of one clip that voice activity takes for speech."""

    part: str
    kind: str  # nobody, alone, joined
    language: str  # spoken
    heard: str  # of those that are written
    probability: float
    unwritten: float  # of the likeliest that is not written
    no_speech: float

    @property
    def right(self) -> bool:
        return self.language == self.heard


class Ear:
    """The graphs as `asr` asks them, without a server."""

    def __init__(self, written: Sequence[str]) -> None:
        model, _ = moonshine.build(MOONSHINE.source.locate())
        activity, _ = vad.build(RECIPES["vad"].source.locate())
        self._graphs = {"vad": Runner(activity.SerializeToString()), "moonshine": Runner(model.SerializeToString())}
        described = moonshine.recogniser("", {})
        self._detection = Detection(Manifest.of(language_facts(described, {"model": "moonshine", "version": 1})))
        self._written = np.array([each in written for each in self._detection.languages])

    def hear(self, samples: Samples) -> tuple[str, float, float, float] | None:
        """None where voice activity hears no speech."""
        if not voices.spoken([samples], "vad", self._calls)[0]:
            return None
        heard = self._detection.heard([Wish(samples)], self._calls)
        probabilities, no_speech = heard.probabilities[0], float(heard.no_speech[0])
        best = int(np.where(self._written, probabilities, -1.0).argmax())
        unwritten = float(probabilities[~self._written].max(initial=0.0))
        return self._detection.languages[best], float(probabilities[best]), unwritten, no_speech

    def _calls(self, calls: Sequence[GraphCall]) -> list[Tensors]:
        return [self._graphs[call.graph.model].run(call.inputs, *call.outputs) for call in calls]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m export.calibration.speaking", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=SPEAKING, help="default: %(default)s")
    parser.add_argument("--written", nargs="+", default=["en", "de", "es", "fr", "it"], help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        ear = Ear(options.written)
        result = fit([*_heard(ear, [*nobody(), *people()])])
    except (ExportError, OSError) as error:
        print(f"speaking: {error}", file=sys.stderr)
        return 1
    content = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    options.out.write_text(content, encoding="utf-8")
    print(content)
    return 0


Clip = tuple[str, str, str, Any]  # part, kind, language, and what its samples are read of


def nobody() -> Iterator[Clip]:
    for sound in silences.sounds(CACHE):
        if sound.path.name not in _SPOKEN:
            yield (JUDGED if sound.split == "test" else FIT), "nobody", "", sound.path
    for made in without_speech():
        yield JUDGED, "nobody", "", made.sound


def people() -> Iterator[Clip]:
    """Single words and sentences as they are, and of each speaker some joined to three seconds and more."""
    for clip in persons.clips():
        joined = clip.kind == "person" and clip.use == "test"
        if clip.number < _MOST_CLIPS and (joined or clip.kind == "word"):
            part = JUDGED if clip.speaker in TEST_SPEAKERS else FIT
            yield part, "joined" if joined else "alone", clip.language, clip


def _heard(ear: Ear, clips: Sequence[Clip]) -> Iterator[Answer]:
    for part, kind, language, source in tqdm(clips, unit="clip", disable=None, leave=False):
        samples = _samples(source)
        told = ear.hear(samples) if len(samples) >= RATE / 10 else None
        if told is not None:
            yield Answer(part, kind, language, *told)


def _samples(source: Any) -> Samples:
    sound = _sound(source)[: _LONGEST_SECONDS * RATE]
    return np.asarray(np.clip(sound * 32767, -32768, 32767), np.int16)


def _sound(source: Any) -> Any:
    if isinstance(source, Path):
        return read(source)
    if isinstance(source, np.ndarray):
        return source
    said = persons.sound(source)
    return np.zeros(0, np.float32) if said is None else np.pad(said, round(_QUIET_SECONDS * RATE))


def fit(answers: Sequence[Answer]) -> dict[str, Any]:
    """The limits, how they were found, and what they do to those that they were not fitted on."""
    fitted = [each for each in answers if each.part == FIT]
    limits = {
        "no_speech_probability": round(_no_speech(fitted), 3),
        "language_probability": round(_language(fitted), 4),
    }
    judged = [each for each in answers if each.part == JUDGED]
    return {
        "guards": limits,
        "provenance": _provenance(fitted),
        "heads_sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        "fitted_on": _figures(fitted, limits),
        "judged_on": _figures(judged, limits),
    }


def _no_speech(fitted: Iterable[Answer]) -> float:
    said = [each.no_speech for each in fitted if each.kind != "nobody"]
    least = min(each.no_speech for each in fitted if each.kind == "nobody")
    usual = float(np.quantile(said, 1 - _LOST_SHARE))
    middle = (_log_odds(usual) + _log_odds(least)) / 2
    return 1 / (1 + math.exp(-middle))


def _language(fitted: Iterable[Answer]) -> float:
    return float(np.quantile([each.probability for each in fitted if each.right], _LOST_SHARE))


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _provenance(fitted: Sequence[Answer]) -> str:
    sounds = sum(each.kind == "nobody" for each in fitted)
    return (
        f"export.calibration.speaking: {len(fitted) - sounds} recordings of people and {sounds} sounds of nobody that "
        "voice activity takes for speech, of the packages in export/people; judged on other people and sounds"
    )


def _figures(answers: Sequence[Answer], limits: dict[str, float]) -> dict[str, Any]:
    """By what they are; of each how many there are, how many fall silent, and whose language had been heard right."""
    groups: dict[str, list[Answer]] = {}
    for each in answers:
        groups.setdefault(" ".join(filter(None, (each.kind, each.language))), []).append(each)
    return {name: _figure(mine, limits) for name, mine in sorted(groups.items())}


def _figure(answers: Sequence[Answer], limits: dict[str, float]) -> dict[str, int]:
    lost = [each for each in answers if _silent(each, limits)]
    return {"clips": len(answers), "silent": len(lost), "silent_and_right": sum(each.right for each in lost)}


def _silent(answer: Answer, limits: dict[str, float]) -> bool:
    """As the backend's router has it."""
    nobody_speaks = answer.no_speech > limits["no_speech_probability"]
    unsure = answer.probability <= limits["language_probability"] or answer.unwritten > MOSTLY
    return nobody_speaks or unsure


if __name__ == "__main__":
    sys.exit(main())
