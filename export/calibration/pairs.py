"""Stretches of speech in pairs: how alike they are, how much was heard of each, and whether one person spoke both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.calibration.listening import Array
from frontend.calibration import Calibration

_RESAMPLED = 200


@dataclass(frozen=True)
class Take:
    """A stretch of one speaker's speech as the embedding model hears it.

    Speakers of one cast may be one person, so they are not compared, and neither are takes of one recording.
    """

    speaker: str
    recording: str
    seconds: float
    vector: Array
    cast: str = ""


@dataclass(frozen=True)
class Pairs:
    """One entry a pair in each; speakers by the number that they have in `names`."""

    score: Array
    seconds: Array  # [pairs, 2]
    speakers: Array  # [pairs, 2]
    names: tuple[str, ...]

    @property
    def same(self) -> Array:
        return np.asarray(self.speakers[:, 0] == self.speakers[:, 1])

    def scarcity(self, seconds: tuple[float, float]) -> Array:
        """Of speech, amounts outside this range counting as its ends."""
        return np.asarray((1 / np.clip(self.seconds, *seconds)).sum(axis=1))

    def chosen(self, which: Array) -> "Pairs":
        return Pairs(self.score[which], self.seconds[which], self.speakers[which], self.names)

    def at_least(self, seconds: float) -> "Pairs":
        return self.chosen(self.seconds.min(axis=1) >= seconds)

    def log_odds(self, calibration: Calibration) -> Array:
        """Of one voice, pair by pair: more than 0 is a probability of more than one half."""
        scarcity = self.scarcity(calibration.seconds) if calibration.seconds[0] else np.zeros(len(self.score))
        slope, intercept = (
            sum(coefficient * scarcity**power for power, coefficient in enumerate(each))
            for each in (calibration.slope, calibration.intercept)
        )
        return np.asarray(slope * self.score + intercept)


def pairs(takes: Sequence[Take], others: Sequence[Take] | None = None) -> Pairs:
    """Each take with each of those after it; with `others`, the same stretches under other conditions."""
    right = takes if others is None else others
    scores = np.stack([take.vector for take in takes]) @ np.stack([take.vector for take in right]).T
    names = tuple(dict.fromkeys(take.speaker for take in takes))
    speakers, recordings, casts = (
        np.unique([getattr(take, field) for take in takes], return_inverse=True)[1]
        for field in ("speaker", "recording", "cast")
    )
    ordered = np.array([names.index(take.speaker) for take in takes])
    hidden = np.array([bool(take.cast) for take in takes])
    one, other = np.triu_indices(len(takes), 1)
    unknown = (casts[one] == casts[other]) & hidden[one] & (speakers[one] != speakers[other])
    kept = ~unknown & (recordings[one] != recordings[other])
    one, other = one[kept], other[kept]
    seconds = np.array([take.seconds for take in takes])
    return Pairs(
        scores[one, other],
        np.stack([seconds[one], seconds[other]], axis=1),
        np.stack([ordered[one], ordered[other]], axis=1),
        names,
    )


@dataclass(frozen=True)
class Rate:
    """A share with the range in which it lies for 95 of 100 draws of as many speakers."""

    share: float
    low: float
    high: float

    def percent(self) -> dict[str, float]:
        return {name: round(100 * getattr(self, name), 2) for name in ("share", "low", "high")}


def judge(judged: Pairs, calibration: Calibration) -> dict[str, Rate]:
    """Equal error rate, and the shares of both kinds that a probability of one half tells right."""
    odds = judged.log_odds(calibration)
    order = np.argsort(odds)
    odds, same, speakers = odds[order], judged.same[order], judged.speakers[order]
    random = np.random.default_rng(0)
    count = len(judged.names)
    drawn = [np.ones(count)]
    drawn += [np.bincount(random.integers(count, size=count), minlength=count) * 1.0 for _ in range(_RESAMPLED)]
    found = np.array([_shares(odds, same, _weights(speakers, weights)) for weights in drawn])
    finite = found[np.isfinite(found).all(axis=1)]  # the others drew no pair of one kind
    low, high = np.percentile(finite if len(finite) else found[:1], (2.5, 97.5), axis=0)
    names = ("equal_error_rate", "same_accepted", "other_refused")
    return {name: Rate(float(found[0, at]), float(low[at]), float(high[at])) for at, name in enumerate(names)}


def equal_error_rate(same: Array, other: Array) -> tuple[float, float]:
    """(rate, threshold) where as many of the same voice are refused as of other voices are accepted."""
    scores = np.concatenate([same, other])
    order = np.argsort(scores, kind="stable")
    labels = np.repeat([True, False], [len(same), len(other)])[order]
    rate, at = _equal_errors(labels, np.ones(len(labels)))
    return rate, float(scores[order][at])


def _weights(speakers: Array, drawn: Array) -> Array:
    """A pair is in a draw as often as both of its speakers; one of a single speaker as often as that one."""
    one, other = drawn[speakers[:, 0]], drawn[speakers[:, 1]]
    return np.asarray(np.where(speakers[:, 0] == speakers[:, 1], one, one * other))


def _shares(odds: Array, same: Array, weights: Array) -> tuple[float, float, float]:
    with np.errstate(invalid="ignore"):  # a draw without pairs of one kind is no draw
        accepted = (weights * same * (odds > 0)).sum() / (weights * same).sum()
        refused = (weights * ~same * (odds < 0)).sum() / (weights * ~same).sum()
        return _equal_errors(same, weights)[0], float(accepted), float(refused)


def _equal_errors(same: Array, weights: Array) -> tuple[float, int]:
    """Over labels in the order of their scores: the rate, and the place of the first score that is accepted."""
    of_same, of_others = weights * same, weights * ~same
    refused = (np.cumsum(of_same) - of_same) / of_same.sum()
    accepted = of_others[::-1].cumsum()[::-1] / of_others.sum()
    at = int(np.argmin(np.abs(refused - accepted)))
    return float(refused[at] + accepted[at]) / 2, at
