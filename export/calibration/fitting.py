"""The logistic that fits pairs best, both kinds weighing the same; by Newton's method."""

from collections.abc import Mapping

import numpy as np

from export.calibration.listening import Array
from export.calibration.pairs import Pairs
from export.failure import ExportError
from frontend.calibration import Calibration

_POWERS = 3  # of the scarcity of speech, for slope and intercept each; more gain nothing on people unheard
# Of pairs that hardly overlap the steepest slope would fit best, and claim too much of people unheard.
_REGULARISATION = 1e-6
# Own recordings move what was fitted on others' as far as there are reasons to, a handful of speakers not far.
_ATTACHMENT = 1e-3
_MOST_STEPS, _SMALL_STEP = 100, 1e-6


def fit(parts: Mapping[float, Pairs], seconds: tuple[float, float]) -> Calibration:
    """Slope and intercept by the scarcity of speech; the parts weigh by their keys."""
    designs, labels, weights = [], [], []
    for share, part in parts.items():
        powers = part.scarcity(seconds)[:, None] ** np.arange(_POWERS)
        designs.append(np.concatenate([part.score[:, None] * powers, powers], axis=1))
        labels.append(part.same)
        weights.append(share * _by_amounts(part))
    design, label, weight = (np.concatenate(each) for each in (designs, labels, weights))
    prior = np.zeros(2 * _POWERS)
    found = _newton(design, label, weight / weight.sum(), (prior, np.full(2 * _POWERS, _REGULARISATION)))
    rounded = [round(float(value), 3) for value in found]
    calibration = Calibration(tuple(rounded[:_POWERS]), tuple(rounded[_POWERS:]), seconds)
    _refuse_falling(calibration)
    return calibration


def adapt(calibration: Calibration, own: Pairs) -> Calibration:
    """The same shape, steeper or flatter and moved, as these pairs say."""
    odds = own.log_odds(calibration)
    design = np.stack([odds, np.ones_like(odds)], axis=1)
    weights = np.where(own.same, 0.5 / own.same.sum(), 0.5 / (~own.same).sum())
    prior = np.array([1.0, 0.0])
    steeper, moved = _newton(design, own.same, weights, (prior, np.array([_ATTACHMENT, _ATTACHMENT])))
    if steeper <= 0:
        raise ExportError("people's own recordings are less alike than other people's: are speakers named rightly?")
    slope = tuple(round(float(steeper * each), 3) for each in calibration.slope)
    first, *rest = (steeper * each for each in calibration.intercept)
    return Calibration(slope, tuple(round(float(each), 3) for each in (first + moved, *rest)), calibration.seconds)


def _by_amounts(part: Pairs) -> Array:
    """Each combination of amounts of speech weighs the same, and of it both kinds."""
    keys = np.concatenate([np.sort(part.seconds, axis=1), part.same[:, None]], axis=1)
    _, place, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(1 / count[place.ravel()] / len(count))


def _newton(design: Array, label: Array, weight: Array, prior: tuple[Array, Array]) -> Array:
    """The parameters of the least weighted cross-entropy, drawn to the prior's first by its second."""
    wanted, attachment = prior

    def loss(parameters: Array) -> float:
        entropy = np.logaddexp(0, np.where(label, -1, 1) * (design @ parameters))
        return float(weight @ entropy + attachment @ (parameters - wanted) ** 2 / 2)

    parameters, reached = wanted, loss(wanted)
    for _ in range(_MOST_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ parameters, -50, 50)))
        gradient = design.T @ (weight * (probability - label)) + attachment * (parameters - wanted)
        curvature = (design.T * (weight * probability * (1 - probability))) @ design + np.diag(attachment)
        step = np.linalg.solve(curvature, gradient)
        while (now := loss(parameters - step)) > reached and np.abs(step).max() > _SMALL_STEP:
            step = step / 2
        parameters, reached = parameters - step, now
        if np.abs(step).max() <= _SMALL_STEP:
            return parameters
    raise ExportError("the calibration does not converge")


def _refuse_falling(calibration: Calibration) -> None:
    """Wherever it is used a higher score must be a higher probability."""
    least, most = calibration.seconds
    scarcity = np.linspace(2 / most, 2 / least, 1000)
    if not np.polynomial.Polynomial(calibration.slope)(scarcity).min() > 0:
        raise ExportError("the probability would fall where the score rises: too few pairs for some amounts of speech")
