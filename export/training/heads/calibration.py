"""How sure the language head may be: a temperature and a weight of "none of these", fitted on people it never heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from export.heads.reference import Array
from export.people.recordings import TEST_SPEAKERS
from export.training.heads.classes import NONE, class_of
from export.training.heads.clip import LANGUAGES
from export.training.heads.frames import LEAST_FRAMES, Encoded
from export.training.heads.network import LanguageHead

_FOLDS = 2
Part = frozenset[str]  # speakers
_STEPS = 300


@dataclass(frozen=True)
class Calibration:
    temperature: float
    none: float  # added to the logit of none of these

    def applied(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """A member's arrays with the calibration folded in."""
        shifted = dict(arrays)
        (weight,) = (name for name in arrays if name.endswith("output.weight"))
        bias = weight.replace("weight", "bias")
        shifted[weight] = arrays[weight] / self.temperature
        shifted[bias] = arrays[bias] / self.temperature
        shifted[bias][NONE] += self.none / self.temperature
        return shifted


def judged(clips: Sequence[Encoded]) -> list[Encoded]:
    """People's sentences as they are, three seconds and more of them."""
    return [
        each for each in clips if each.clip.use == "test" and each.clip.kind == "person" and each.length >= LEAST_FRAMES
    ]


def calibrate(clips: Sequence[Encoded], learnt: Sequence[tuple[Part, LanguageHead]]) -> Calibration:
    """Each part of those who train is judged by the head that learnt from the others alone."""
    logits, truth, weights = [], [], []
    for left_out, head in learnt:
        mine = [each for each in judged(clips) if each.clip.speaker in left_out]
        logits += [judge(head, each) for each in mine]
        truth += [class_of(each.clip.language) for each in mine]
        weights += [1 / sum(one.clip.speaker == each.clip.speaker for one in mine) for each in mine]
    return _fit(np.array(logits), np.array(truth), np.array(weights, np.float32))


@torch.no_grad()
def judge(head: LanguageHead, clip: Encoded) -> Array:
    frames = torch.from_numpy(clip.frames())[None]
    return np.asarray(head(frames, torch.ones(1, clip.length))[0].numpy(), np.float32)


def parts(clips: Sequence[Encoded]) -> list[Part]:
    """Speakers to leave out at once; never the only one of a language."""
    found: list[set[str]] = [set() for _ in range(_FOLDS)]
    by_class: dict[int, list[str]] = {}
    for each in judged(clips):
        speakers = by_class.setdefault(class_of(each.clip.language), [])
        if each.clip.speaker not in TEST_SPEAKERS and each.clip.speaker not in speakers:
            speakers.append(each.clip.speaker)
    for speakers in by_class.values():
        for place, speaker in enumerate(speakers if len(speakers) > 1 else []):
            found[place % _FOLDS].add(speaker)
    return [frozenset(part) for part in found]


def _fit(logits: Array, truth: Array, weights: Array) -> Calibration:
    """The likeliest; every language counts alike, and so does none of them."""
    for number in range(len(LANGUAGES) + 1):
        mine = truth == number
        if mine.any():
            weights[mine] /= weights[mine].sum()
    given, wanted, share = torch.from_numpy(logits), torch.from_numpy(truth), torch.from_numpy(weights)
    cooled, none = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([cooled, none], lr=0.05)
    for _ in range(_STEPS):
        shifted = torch.cat([given[:, :NONE], given[:, NONE:] + none], 1) / cooled.exp()
        value = (F.cross_entropy(shifted, wanted, reduction="none") * share).sum() / share.sum()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    print(
        f"calibrated on {len(truth)} clips: temperature {cooled.exp().item():.3f}, none {none.item():+.3f}", flush=True
    )
    return Calibration(round(cooled.exp().item(), 4), round(none.item(), 4))
